-- Models of LightGBM, categories in models of XGBoost, kinds of feature importance.
CREATE SCHEMA regress_import;
SET search_path = regress_import;
SELECT pgml.load_dataset('diabetes') \g (format=unaligned tuples_only) /dev/null

-- LightGBM: column b is 0, 2 or 5: left, else a <= 40, where a missing value is 0.
CREATE TABLE files (name text PRIMARY KEY, data text);
INSERT INTO files VALUES ('binary', $$tree
version=v4
num_class=1
num_tree_per_iteration=1
label_index=0
max_feature_idx=1
objective=binary sigmoid:1
feature_names=a b
feature_infos=[0:80] 0:1:2:5
tree_sizes=280

Tree=0
num_leaves=3
num_cat=1
split_feature=1 0
split_gain=9 1
threshold=0 40
decision_type=1 0
left_child=-1 -2
right_child=1 -3
leaf_value=2 -1 1
internal_count=100 60
cat_boundaries=0 1
cat_threshold=37
is_linear=0
shrinkage=0.1


end of trees

feature_importances:
a=1
b=1

parameters:
end of parameters

pandas_categorical:null
$$);
SELECT pgml.import_model('imported light', data, 'lightgbm') > 0 AS text,
	pgml.import_model('imported light', convert_to(data, 'UTF8'), 'lightgbm') > 0 AS bytes FROM files;
SELECT m.algorithm, m.num_features, count(*), count(DISTINCT md5(f.data)) AS different FROM pgml.models m JOIN pgml.files f ON f.model_id = m.id
JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'imported light' GROUP BY m.algorithm, m.num_features;
SELECT a, b, pgml.predict('imported light', a, b) AS class, round(pgml.class_probability('imported light', '1', a, b)::numeric, 4) AS probability
FROM (VALUES (50, 0), (50, 1), (40, 1), (NULL, 1), (50, 5), (50, NULL), (50, -1), (50, 1000)) AS rows (a, b);
SELECT feature, importance FROM pgml.feature_importance('imported light');
SELECT pgml.import_model('imported light', replace(data, 'objective=binary sigmoid:1', 'objective=regression'), 'lightgbm') FROM files;
SELECT pgml.import_model('imported wrong', replace(data, 'is_linear=0', 'is_linear=1'), 'lightgbm') FROM files;
SELECT pgml.import_model('imported wrong', replace(data, 'version=v4', 'version=v9'), 'lightgbm') FROM files;
SELECT pgml.import_model('imported wrong', replace(data, 'decision_type=1 0', 'decision_type=1 6') , 'lightgbm') > 0 AS zero_left FROM files;
SELECT pgml.import_model('imported wrong', replace(data, 'decision_type=1 0', 'decision_type=1 4') , 'lightgbm') FROM files;
SELECT pgml.import_model('imported wrong', replace(data, 'left_child=-1 -2', 'left_child=-1 0') , 'lightgbm') FROM files;
SELECT pgml.import_model('imported wrong', left(data, 300), 'lightgbm') FROM files;
SELECT pgml.import_model('imported wrong', data, 'xgboost') FROM files;

-- XGBoost since 3.1 keeps the names of categories: the feature is a text then. "fig" goes right.
CREATE TABLE boosters AS SELECT
	'{"learner": {"objective": {"name": "reg:squarederror"}, "feature_names": ["size", "fruit"], "learner_model_param": {"base_score": "[0E0]", "num_class": "0", "num_feature": "2"}, "gradient_booster": {"name": "gbtree", "model": {"tree_info": [0], "cats": {"enc": [{"type": 9, "values": []}, {"offsets": [0, 4, 7], "values": [112, 101, 97, 114, 102, 105, 103]}]}, "trees": [{"tree_param": {"size_leaf_vector": "1"}, "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [1, 0, 0], "split_conditions": [0, -1, 2], "default_left": [1, 0, 0], "split_type": [1, 0, 0], "categories": [1], "categories_nodes": [0], "categories_segments": [0], "categories_sizes": [1]}]}}}}'::json AS data;
SELECT pgml.import_model('imported fruit', data) > 0 AS named,
	pgml.import_model('imported codes', replace(data::text, '"cats"', '"no cats"')::json) > 0 AS coded FROM boosters;
SELECT fruit, pgml.predict('imported fruit', 1, fruit) AS value FROM (VALUES ('pear'), ('fig'), ('plum'), (NULL)) AS rows (fruit);
SELECT fruit, pgml.predict('imported codes', 1, fruit) AS value FROM (VALUES (0), (1), (1.9), (2), (-1), (NULL)) AS rows (fruit);
SELECT pgml.describe('imported fruit') -> 'features';
CREATE TABLE fruits (size int, fruit text, value real GENERATED ALWAYS AS (pgml.predict('imported fruit', size, fruit)) STORED) USING pgml;
INSERT INTO fruits VALUES (1, 'fig'), (1, 'pear');
SELECT * FROM fruits ORDER BY fruit;
SELECT pgml.import_model('imported wrong', replace(data::text, '"offsets": [0, 4, 7], "values": [112, 101, 97, 114, 102, 105, 103]', '"type": 9, "values": [10, 20]')::json) FROM boosters;
SELECT pgml.import_model('imported wrong', replace(data::text, '"categories": [1]', '"categories": [16777216]')::json) FROM boosters;

-- Kinds of importance; a model that came without gains has the numbers of its splits only.
SET client_min_messages = warning;
SELECT feature, importance FROM pgml.feature_importance('imported fruit');
SELECT feature, importance FROM pgml.feature_importance('imported fruit', 'gain');
SELECT feature, importance FROM pgml.feature_importance('imported light', 'weight');
SELECT feature, importance FROM pgml.feature_importance('imported light', kind => 'cover');
SELECT feature, importance FROM pgml.feature_importance('imported light', 'best');
SELECT pgml.train('imported own', 'regression', 'pgml.diabetes', 'target', 'xgboost', '{"n_estimators": 20, "max_depth": 3}') IS NOT NULL AS trained;
SELECT kind, abs(sum(importance) - 1) < 1e-9 AS shares, count(*) FILTER (WHERE importance > 0) > 5 AS several
FROM unnest(ARRAY['weight', 'gain', 'cover', 'total_gain', 'total_cover', NULL]) AS kind, pgml.feature_importance('imported own', kind) GROUP BY kind ORDER BY kind;
SELECT bool_and(own.importance = given.importance) AS default_is_gain
FROM pgml.feature_importance('imported own') AS own JOIN pgml.feature_importance('imported own', 'gain') AS given USING (feature);
SELECT pgml.train('imported own', 'regression', 'pgml.diabetes', 'target', 'random_forest', '{"n_estimators": 20, "max_depth": 5}') IS NOT NULL AS trained;
SELECT bool_and(own.importance = given.importance) AS default_is_total_gain
FROM pgml.feature_importance('imported own') AS own JOIN pgml.feature_importance('imported own', 'total_gain') AS given USING (feature);
SELECT pgml.train('imported linear', 'regression', 'pgml.diabetes', 'target') IS NOT NULL AS trained;
SELECT * FROM pgml.feature_importance('imported linear', 'gain');
\set VERBOSITY terse
SELECT pgml.train('imported none', 'regression', 'pgml.diabetes', 'target', 'lightgbm');
\set VERBOSITY default
SELECT pgml.train('imported none', 'regression', 'pgml.diabetes', 'target', 'catboost');

DROP TABLE fruits;
SELECT count(pgml.drop_project(name)) FROM (SELECT name FROM pgml.projects WHERE name LIKE 'imported %' ORDER BY 1) AS p;
DROP SCHEMA regress_import CASCADE;
