-- The tree algorithms through SQL: trained on the toy sets, scores rounded so that they hold anywhere.
SET client_min_messages = warning;
SELECT pgml.load_dataset('diabetes'), pgml.load_dataset('iris'), pgml.load_dataset('breast_cancer') \g (format=unaligned tuples_only) /dev/null
CREATE SCHEMA regress_trees;
SET search_path = regress_trees, public;

-- Every algorithm, both tasks: the score of the held-out rows.
CREATE FUNCTION score(algorithm text, for_task text, relation text, target text, hyperparams jsonb DEFAULT '{}')
RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE project text := 'trees ' || relation; result numeric;
BEGIN
	PERFORM pgml.train(project, for_task, relation, target, algorithm::pgml.algorithm, hyperparams);
	SELECT round((m.metrics ->> CASE for_task WHEN 'regression' THEN 'r2' ELSE 'accuracy' END)::numeric, 1) INTO result
	FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = project ORDER BY m.id DESC LIMIT 1;
	RETURN result;
END $$;
CREATE TABLE algorithms (name text);
INSERT INTO algorithms VALUES ('random_forest'), ('extra_trees'), ('bagging'), ('gradient_boosting_trees'), ('hist_gradient_boosting'), ('xgboost_random_forest');
SELECT name, score(name, 'regression', 'pgml.diabetes', 'target') AS diabetes,
	score(name, 'classification', 'pgml.iris', 'target') AS iris,
	score(name, 'classification', 'pgml.breast_cancer', 'malignant') AS breast_cancer
FROM algorithms ORDER BY name;

-- Equal seeds give equal models, other seeds others.
CREATE FUNCTION bytes(algorithm text, seed int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	PERFORM pgml.train('trees bytes', 'classification', 'pgml.iris', 'target', algorithm::pgml.algorithm,
		jsonb_build_object('random_state', seed) || CASE WHEN algorithm = 'hist_gradient_boosting' THEN '{"max_features": 0.5}' ELSE '{}' END::jsonb);
	SELECT md5(f.data) INTO result FROM pgml.files f ORDER BY f.id DESC LIMIT 1;
	RETURN result;
END $$;
SELECT name, bytes(name, 1) = bytes(name, 1) AS same, bytes(name, 1) <> bytes(name, 2) AS different FROM algorithms ORDER BY name;

-- A forest serves a prediction column like any other model.
SELECT * FROM pgml.train('trees served', 'classification', 'pgml.iris', 'target', 'random_forest', '{"n_estimators": 20, "max_depth": 4}');
CREATE TABLE flowers (sepal_length real, sepal_width real, petal_length real, petal_width real,
	kind int GENERATED ALWAYS AS (pgml.predict('trees served', sepal_length, sepal_width, petal_length, petal_width)) STORED) USING pgml;
INSERT INTO flowers SELECT sepal_length, sepal_width, petal_length, petal_width FROM pgml.iris;
SELECT kind, count(*) BETWEEN 48 AND 52 AS about_fifty FROM flowers GROUP BY kind ORDER BY kind;
SELECT kind FROM flowers WHERE petal_length < 1.5 GROUP BY kind;
SELECT round(sum(p)::numeric, 3) AS total FROM unnest(pgml.predict_proba('trees served', 5.9, 3.0, 4.2, 1.5)) AS p;

-- What is wrong is said before anything is read.
\set VERBOSITY terse
SELECT pgml.train('trees wrong', 'regression', 'pgml.diabetes', 'target', 'random_forest', '{"max_features": "all"}');
SELECT pgml.train('trees wrong', 'regression', 'pgml.diabetes', 'target', 'extra_trees', '{"min_samples_leaf": 0}');
\set VERBOSITY default
SELECT pgml.train('trees wrong', 'classification', 'pgml.iris', 'target', 'bagging', '{"n_estimator": 5}');

-- A model of XGBoost, as json, as text and as bytes: one tree, age < 40, missing to the left.
\set model '{"learner": {"objective": {"name": "binary:logistic"}, "feature_names": ["age", "income"], "learner_model_param": {"base_score": "5E-1", "num_class": "0", "num_feature": "2"}, "gradient_booster": {"name": "gbtree", "model": {"tree_info": [0], "trees": [{"tree_param": {"size_leaf_vector": "0"}, "left_children": [1, -1, -1], "right_children": [2, -1, -1], "split_indices": [0, 0, 0], "split_conditions": [40, -1, 2], "default_left": [1, 0, 0], "split_type": [0, 0, 0]}]}}}}'
SELECT pgml.import_model('trees imported', :'model'::json) > 0 AS json, pgml.import_model('trees imported', :'model', 'xgboost') > 0 AS text,
	pgml.import_model('trees imported', convert_to(:'model', 'UTF8'), 'xgboost') > 0 AS bytes,
	pgml.import_model('trees imported', convert_to(:'model', 'UTF8')::text, 'xgboost') > 0 AS hexadecimal;
SELECT m.algorithm, m.num_features, count(*), count(DISTINCT md5(f.data)) AS different FROM pgml.models m JOIN pgml.files f ON f.model_id = m.id
JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'trees imported' GROUP BY m.algorithm, m.num_features;
SELECT age, pgml.predict('trees imported', age, 0) AS class, round(pgml.class_probability('trees imported', '1', age, 0)::numeric, 4) AS probability
FROM (VALUES (39), (40), (NULL)) AS ages (age);
SELECT pgml.import_model('trees imported', replace(:'model', '"split_type": [0', '"split_type": [1'), 'xgboost');
SELECT pgml.import_model('trees imported', replace(:'model', 'left_children": [1', 'left_children": [7'), 'xgboost');
SELECT pgml.import_model('trees imported', '{}', 'xgboost');
SELECT pgml.import_model('trees imported', 'tree', 'catboost');

DROP SCHEMA regress_trees CASCADE;
