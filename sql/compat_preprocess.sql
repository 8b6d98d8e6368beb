-- Snapshots and preprocessing, each case named for what is right where PostgresML was wrong.
SET client_min_messages = warning;
CREATE SCHEMA compat;
SET search_path = compat, public;
CREATE FUNCTION near(double precision, double precision) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$SELECT abs($1 - $2) < 0.05$$;
-- y = a + 100 for city 'x', + 200 for 'y', + 300 for 'z'.
CREATE TABLE cities AS SELECT i AS id, (i % 11)::real AS a, (ARRAY['x', 'y', 'z'])[i % 3 + 1] AS city, (i % 11) + (i % 3 + 1) * 100 AS y
	FROM generate_series(1, 330) i;
CREATE VIEW city_rows AS SELECT a, city, y FROM cities;

-- 1. target: training and prediction see the same encoding, and a second training on the same rows gives the same model.
SELECT algorithm FROM pgml.train('compat target', 'regression', 'compat.city_rows', 'y', 'linear', preprocess => '{"city": {"encode": "target"}}', test_size => 0);
SELECT count(*), bool_and(abs(pgml.predict('compat target', c) - y) < 8) AS near FROM city_rows c;
CREATE TEMP TABLE first_model AS SELECT pgml.export_model(id) AS bytes FROM pgml.deployed_models WHERE name = 'compat target';
SELECT algorithm FROM pgml.train('compat target', 'regression', 'compat.city_rows', 'y', 'linear', preprocess => '{"city": {"encode": "target"}}', test_size => 0);
SELECT pgml.export_model(id) = bytes AS same FROM pgml.deployed_models, first_model WHERE name = 'compat target';
-- 2. one_hot works with any number of categories; NULL and an unseen category are no category.
SELECT algorithm FROM pgml.train('compat one hot', 'regression', 'compat.city_rows', 'y', 'linear', preprocess => '{"city": {"encode": "one_hot"}}');
SELECT count(*), bool_and(near(pgml.predict('compat one hot', c), y)) AS exact FROM city_rows c;
SELECT pgml.predict('compat one hot', 1, NULL) = pgml.predict('compat one hot', 1, 'nowhere') AS unseen_is_missing;
-- 3. numeric features keep their fraction and may be large.
CREATE TABLE prices AS SELECT (i % 100 + 0.75)::numeric(6, 2) AS price, (1e9 + i % 7 * 1e6)::numeric AS large, (i % 100 + 0.75) * 4 AS y FROM generate_series(1, 400) i;
SELECT algorithm FROM pgml.train('compat numeric', 'regression', 'compat.prices', 'y', 'linear');
SELECT near(pgml.predict('compat numeric', 12.75, 1003000000), 51) AS numeric, near(pgml.predict('compat numeric', 12.25, 1003000000), 49) AS between,
	near(pgml.predict('compat numeric', 12.75::real, 1003000000::bigint), 51) AS other_types;
-- 4. Text labels: no label stands for NULL, metrics are those of the labels, and classify gives the text.
CREATE VIEW labels AS SELECT a, y, city AS label FROM cities;
SELECT algorithm FROM pgml.train('compat labels', 'classification', 'compat.labels', 'label', 'random_forest');
SELECT (metrics->>'f1')::float8 AS f1, (metrics->>'accuracy')::float8 AS accuracy FROM pgml.models
	WHERE id = (SELECT id FROM pgml.deployed_models WHERE name = 'compat labels');
SELECT DISTINCT label, pgml.classify('compat labels', l), pgml.predict('compat labels', l) FROM labels l ORDER BY label;
SELECT pgml.describe('compat labels') -> 'classes' AS classes;
-- 5. Models of one project are compared on the same split, though each training reads the relation anew.
SELECT algorithm FROM pgml.train('compat split', 'regression', 'compat.city_rows', 'y', 'linear', preprocess => '{"city": {"encode": "native"}}', test_sampling => 'random');
SELECT algorithm FROM pgml.train('compat split', 'regression', 'compat.city_rows', 'y', 'linear', preprocess => '{"city": {"encode": "native"}}', test_sampling => 'random');
SELECT count(*), count(DISTINCT metrics - 'fit_time' - 'score_time') AS distinct_metrics FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'compat split';
-- 6. Each element of an array has statistics of its own: scaling equals that of separate columns.
CREATE VIEW as_array AS SELECT ARRAY[a, y] AS v, y * 2 + a AS target FROM cities;
CREATE VIEW as_columns AS SELECT a, y, y * 2 + a AS target FROM cities;
SELECT algorithm FROM pgml.train('compat array', 'regression', 'compat.as_array', 'target', 'knn', preprocess => '{"v": {"scale": "standard"}}', test_size => 0);
SELECT algorithm FROM pgml.train('compat columns', 'regression', 'compat.as_columns', 'target', 'knn', preprocess => '{"*": {"scale": "standard"}}', test_size => 0);
SELECT count(*), bool_and(pgml.predict('compat array', ARRAY[a, y]) = pgml.predict('compat columns', a, y)) AS same FROM as_columns;
-- 7. Materialized views, temporary tables, partitioned tables, and names found by search_path.
CREATE MATERIALIZED VIEW frozen AS SELECT * FROM city_rows;
CREATE TEMP TABLE passing AS SELECT * FROM city_rows;
CREATE TABLE parts (a real, city text, y int) PARTITION BY LIST (city);
CREATE TABLE parts_x PARTITION OF parts FOR VALUES IN ('x');
CREATE TABLE parts_rest PARTITION OF parts DEFAULT;
INSERT INTO parts SELECT * FROM city_rows;
SELECT algorithm FROM pgml.train('compat relations', 'regression', 'compat.frozen', 'y', 'linear');
SELECT algorithm FROM pgml.train('compat relations', relation_name => 'frozen', y_column_name => 'y');
SELECT algorithm FROM pgml.train('compat relations', relation_name => 'passing', y_column_name => 'y');
SELECT algorithm FROM pgml.train('compat relations', relation_name => 'parts', y_column_name => 'y');
SELECT near(pgml.predict('compat relations', 3, 'y'), 203) AS answers;

-- An unknown column or key, and an encoding that the column cannot have, are errors.
SELECT pgml.train('compat wrong', 'regression', 'compat.city_rows', 'y', preprocess => '{"town": {"encode": "one_hot"}}');
SELECT pgml.train('compat wrong', 'regression', 'compat.city_rows', 'y', preprocess => '{"city": {"encoding": "one_hot"}}');
SELECT pgml.train('compat wrong', 'regression', 'compat.city_rows', 'y', preprocess => '{"a": {"encode": "one_hot"}}');
SELECT pgml.train('compat wrong', 'regression', 'compat.city_rows', 'y', preprocess => '{"city": {"encode": {"ordinal": ["x", "y"]}}}');
-- Integer categories can be encoded: as text.
CREATE VIEW numbered AS SELECT a, (id % 3)::text AS code, y FROM cities;
SELECT algorithm FROM pgml.train('compat numbered', 'regression', 'compat.numbered', 'y', 'linear');
SELECT near(pgml.predict('compat numbered', 3, '1'), 203) AS text, near(pgml.predict('compat numbered', (3, '1')), 203) AS row;
-- native codes do not depend on the order of the rows.
CREATE VIEW backwards AS SELECT a, city, y FROM cities ORDER BY id DESC;
SELECT algorithm FROM pgml.train('compat native', 'regression', 'compat.city_rows', 'y', 'linear', preprocess => '{"city": {"encode": "native"}}', test_size => 0);
SELECT algorithm FROM pgml.train('compat native back', 'regression', 'compat.backwards', 'y', 'linear', preprocess => '{"city": {"encode": "native"}}', test_size => 0);
SELECT bool_and(abs(pgml.predict('compat native', c) - pgml.predict('compat native back', c)) < 1e-6) AS same FROM city_rows c;
-- Fields of a row are matched by name, literals in ROW need no cast, character(n) and domains are texts.
CREATE DOMAIN town AS varchar(10);
SELECT near(pgml.predict('compat one hot', q), 203) AS by_name FROM (SELECT 'y' AS city, 'ignored' AS other, 3 AS a) q;
SELECT near(pgml.predict('compat one hot', ROW(3, 'y')), 203) AS literal, near(pgml.predict('compat one hot', 3, 'y'::char(5)), 203) AS padded,
	near(pgml.predict('compat one hot', 3, 'y'::town), 203) AS domain;
-- Arrays of numbers are preprocessed too, not fed to the model raw.
SELECT bool_and(pgml.predict('compat columns', ARRAY[a, y]) = pgml.predict('compat columns', a, y)) AS same FROM as_columns;
-- A constant column scales to 0, not to a division by zero.
CREATE VIEW constant AS SELECT a, 7 AS same, y FROM cities;
SELECT scale, algorithm FROM unnest(ARRAY['standard', 'min_max', 'max_abs', 'robust']) AS scale,
	pgml.train('compat constant ' || scale, 'regression', 'compat.constant', 'y', 'linear', preprocess => jsonb_build_object('*', jsonb_build_object('scale', scale)));
SELECT bool_and(pgml.predict('compat constant ' || scale, 3, 7) BETWEEN 100 AND 310) AS finite FROM unnest(ARRAY['standard', 'min_max', 'max_abs', 'robust']) AS scale;
-- robust scales by median and quartiles (25 and 75 of 0 .. 100), whatever an outlier does.
CREATE VIEW skewed AS SELECT i::real AS x, CASE WHEN i = 100 THEN 1e6 ELSE i END::real AS wild, i AS y FROM generate_series(0, 100) i;
SELECT algorithm FROM pgml.train('compat robust', 'regression', 'compat.skewed', 'y', 'linear', preprocess => '{"*": {"scale": "robust"}}', test_size => 0);
SELECT f -> 'preprocessing' AS preprocessing FROM jsonb_array_elements(pgml.describe('compat robust') -> 'features') AS f;
-- A missing number is imputed as asked, in training and in prediction.
CREATE TABLE holes AS SELECT CASE WHEN i % 10 <> 0 THEN i % 9 END::real AS x, i % 9 * 2 AS y FROM generate_series(1, 900) i;
SELECT impute, algorithm FROM unnest(ARRAY['mean', 'median', 'mode', 'min', 'max', 'zero']) AS impute, pgml.train('compat impute ' || impute,
	'regression', 'compat.holes', 'y', 'linear', test_size => 0, preprocess => jsonb_build_object('x', jsonb_build_object('impute', impute)));
SELECT impute, round((pgml.predict('compat impute ' || impute, NULL) - pgml.predict('compat impute ' || impute, value))::numeric, 3) AS difference
FROM (VALUES ('mean', 4.0), ('median', 4), ('min', 0), ('max', 8), ('zero', 0)) v(impute, value);
SELECT pgml.train('compat impute error', 'regression', 'compat.holes', 'y', 'linear', preprocess => '{"x": {"impute": "error"}}');
-- A NULL label is refused, with advice.
CREATE VIEW unlabelled AS SELECT a, nullif(y, 105) AS y FROM cities;
SELECT pgml.train('compat unlabelled', 'regression', 'compat.unlabelled', 'y');
-- stratified divides by the label: rare classes are in both parts.
CREATE TABLE rare AS SELECT i AS x, i % 50 = 0 AS is_rare FROM generate_series(1, 400) i;
SELECT algorithm FROM pgml.train('compat stratified', 'classification', 'compat.rare', 'is_rare', 'linear');
SELECT (metrics -> 'recall') IS NOT NULL AS tested_on_both, metrics ->> 'roc_auc' IS NOT NULL AS has_auc FROM pgml.models
	WHERE id = (SELECT id FROM pgml.deployed_models WHERE name = 'compat stratified');
-- Small tables train.
CREATE VIEW three AS SELECT * FROM (VALUES (1, 1.0), (2, 2.0), (3, 3.5)) v(x, y);
SELECT trained.algorithm FROM unnest(ARRAY['linear', 'ridge', 'xgboost', 'random_forest', 'svm']::pgml.algorithm[]) AS a,
	pgml.train('compat three', 'regression', 'compat.three', 'y', a) AS trained;

SELECT count(pgml.drop_project(name)) FROM (SELECT name FROM pgml.projects WHERE name LIKE 'compat %' OFFSET 0) p;
DROP SCHEMA compat CASCADE;
