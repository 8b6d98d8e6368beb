-- pgml.train: what it reads, what it writes, what it deploys.
SET client_min_messages = warning;
SELECT pgml.load_dataset('diabetes'), pgml.load_dataset('iris'), pgml.load_dataset('digits'), pgml.load_dataset('breast_cancer') \g (format=unaligned tuples_only) /dev/null
RESET client_min_messages;
CREATE SCHEMA regress_train;
SET search_path = regress_train, public;

-- Regression, from a qualified name; one row comes back, in both call forms.
SELECT * FROM pgml.train('train diabetes', 'regression', 'pgml.diabetes', 'target');
SELECT pgml.train('train diabetes', algorithm => 'ridge', hyperparams => '{"alpha": 1.0}');
SELECT p.name, p.task, p.owner = current_user::regrole AS mine, p.users FROM pgml.projects p WHERE p.name = 'train diabetes';
SELECT m.algorithm, m.runtime, m.hyperparams, m.status, m.num_features, m.row_cost >= 1 AS has_cost,
	array(SELECT jsonb_object_keys(m.metrics) ORDER BY 1) AS metrics, (m.metrics ->> 'r2')::numeric(4, 2) AS r2,
	(m.metrics ->> 'fit_time')::float8 >= 0 AS timed
FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'train diabetes' ORDER BY m.id;
SELECT s.relation_name, s.y_column_name, s.test_size, s.test_sampling, s.status, s.analysis, s.materialized,
	s.owner = current_user::regrole AS mine, jsonb_array_length(s.columns) AS columns, s.columns -> 0 ->> 'name' AS first
FROM pgml.snapshots s JOIN pgml.models m ON m.snapshot_id = s.id JOIN pgml.projects p ON p.id = m.project_id
WHERE p.name = 'train diabetes' ORDER BY s.id;
SELECT f.path, f.part, length(f.data) > 0 AS has_bytes FROM pgml.files f JOIN pgml.models m ON m.id = f.model_id
JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'train diabetes' ORDER BY f.id;
SELECT name, task, algorithm, runtime, relation_name, y_column_name, test_sampling, test_size FROM pgml.overview WHERE name = 'train diabetes';
SELECT name, task, algorithm, runtime, test_sampling, test_size, deployed FROM pgml.trained_models WHERE name = 'train diabetes';
SELECT name, task, algorithm, runtime FROM pgml.deployed_models WHERE name = 'train diabetes';
SELECT round(pgml.predict('train diabetes', 59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87)::numeric, 1);

-- Equal data and seed give an equal model; another seed another split.
SELECT pgml.train('train diabetes', NULL, 'pgml.diabetes', 'target');
SELECT pgml.train('train diabetes', NULL, 'pgml.diabetes', 'target', hyperparams => '{"random_state": 0}');
SELECT pgml.train('train diabetes', NULL, 'pgml.diabetes', 'target', hyperparams => '{"seed": 7}', automatic_deploy => false);
SELECT row_number() OVER (ORDER BY min(m.id)) AS distinct_model, count(*) AS times, array_agg(m.hyperparams ORDER BY m.id) AS hyperparams
FROM pgml.models m JOIN pgml.files f ON f.model_id = m.id JOIN pgml.projects p ON p.id = m.project_id
WHERE p.name = 'train diabetes' AND m.algorithm = 'linear' GROUP BY md5(f.data) ORDER BY 1;

-- Classification of integers, of text, of booleans, of enum labels; from a view, a materialized view, a temporary, a
-- partitioned and an inherited table, and through the search path and quoted names.
SELECT * FROM pgml.train('train iris', 'classification', 'pgml.iris', 'target');
SELECT pgml.classify('train iris', 5.1, 3.5, 1.4, 0.2), pgml.predict('train iris', 7.7, 2.6, 6.9, 2.3);
CREATE VIEW "Iris by ""name""" AS
	SELECT sepal_length, sepal_width, petal_length, petal_width,
		(ARRAY['setosa', 'versicolor', 'virginica'])[target + 1] AS "the ""Species""" FROM pgml.iris;
SELECT * FROM pgml.train('train iris name', 'classification', '"Iris by ""name"""', 'the "Species"');
SELECT pgml.classify('train iris name', 5.1, 3.5, 1.4, 0.2), pgml.predict('train iris name', 7.7, 2.6, 6.9, 2.3);
SELECT relation_name, y_column_name FROM pgml.overview WHERE name = 'train iris name';
SELECT * FROM pgml.train('train iris name');
CREATE TYPE species AS ENUM ('virginica', 'versicolor', 'setosa');
CREATE MATERIALIZED VIEW iris_enum AS SELECT petal_length, petal_width, "the ""Species"""::species AS species FROM "Iris by ""name""";
SELECT * FROM pgml.train('train iris enum', 'classification', 'iris_enum', 'species');
SELECT pgml.classify('train iris enum', 1.4, 0.2);
SELECT * FROM pgml.train('train cancer', 'classification', 'pgml.breast_cancer', 'malignant');
CREATE TEMP TABLE iris_temp AS SELECT * FROM pgml.iris;
SELECT * FROM pgml.train('train iris temp', 'classification', 'iris_temp', 'target');
SELECT * FROM pgml.train('train iris temp', 'classification', 'pg_temp.iris_temp', 'target', automatic_deploy => NULL);
CREATE TABLE iris_parts (LIKE pgml.iris) PARTITION BY LIST (target);
CREATE TABLE iris_part_2 PARTITION OF iris_parts FOR VALUES IN (2);
CREATE TABLE iris_part_rest (target int, petal_width real, petal_length real, sepal_width real, sepal_length real);
ALTER TABLE iris_parts ATTACH PARTITION iris_part_rest FOR VALUES IN (0, 1);
INSERT INTO iris_parts SELECT * FROM pgml.iris;
SELECT * FROM pgml.train('train iris parts', 'classification', 'iris_parts', 'target');

-- Arrays are flattened; nulls are missing values, as a whole and in an array; generated columns are features.
SELECT * FROM pgml.train('train digits', 'classification', 'pgml.digits', 'target', test_size => 400, test_sampling => 'last');
SELECT m.num_features FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'train digits';
CREATE TABLE mixed (
	a int2, b int4, c int8, d real, e float8, f numeric, g bool, h text, i varchar(10), j char(10), k species,
	l real[], m numeric[], n bool[], o int GENERATED ALWAYS AS (b * 2) STORED, dropped int, y float8);
ALTER TABLE mixed DROP COLUMN dropped;
INSERT INTO mixed (a, b, c, d, e, f, g, h, i, j, k, l, m, n, y) SELECT i, i, i, i, i, i / 3.0, i % 2 = 0, 'text ' || i % 3, 'v' || i % 4, 'c' || i % 5, (enum_range(NULL::species))[i % 3 + 1],
	ARRAY[i, i % 7], ARRAY[[i, 1], [NULL, i % 3]], ARRAY[true, NULL, i % 5 = 0], i * 2 + i % 3
FROM generate_series(1, 100) AS i;
INSERT INTO mixed (y) SELECT i FROM generate_series(1, 10) AS i;
INSERT INTO mixed (a, d, e, f, y) VALUES (1, 'NaN', 'NaN', 'NaN', 3);
SELECT * FROM pgml.train('train mixed', 'regression', 'mixed', 'y', 'xgboost', test_size => 0);
SELECT m.num_features, m.metrics - 'fit_time' - 'score_time' AS metrics, s.analysis, s.columns #>> '{0,name}' AS first
FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id JOIN pgml.snapshots s ON s.id = m.snapshot_id WHERE p.name = 'train mixed';

-- Everything is undone with the transaction, in a subtransaction too.
SELECT count(*) AS snapshots FROM pgml.snapshots \gset before_
BEGIN;
SELECT deployed FROM pgml.train('train undone', 'regression', 'pgml.diabetes', 'target');
SELECT pgml.predict('train undone', 59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87) > 0 AS predicts;
SAVEPOINT s;
SELECT deployed FROM pgml.train('train undone', 'regression', 'pgml.diabetes', 'target', 'ridge');
ROLLBACK TO s;
SELECT algorithm, deployed FROM pgml.trained_models WHERE name = 'train undone';
ROLLBACK;
SELECT count(*) FROM pgml.projects WHERE name = 'train undone';
SELECT pgml.predict('train undone', 1);
SELECT count(*) - :before_snapshots AS snapshots_left FROM pgml.snapshots;

-- Names: 63 bytes, quotes, other scripts; a project's name has no limit of its own.
CREATE TABLE "näme with ""quotes"" and $$ and 63 bytes aaaaaaaaaaaaaaaaaaaaa" ("it's; --" real, "ÿ" real);
INSERT INTO "näme with ""quotes"" and $$ and 63 bytes aaaaaaaaaaaaaaaaaaaaa" SELECT i, 2 * i FROM generate_series(1, 50) AS i;
SELECT * FROM pgml.train('it''s "a" \ näme; --', 'regression', '"näme with ""quotes"" and $$ and 63 bytes aaaaaaaaaaaaaaaaaaaaa"', 'ÿ');
SELECT round(pgml.predict('it''s "a" \ näme; --', 21)::numeric, 2);

-- A prediction column is no feature.
CREATE TABLE flowers (sepal_length real, sepal_width real, petal_length real, petal_width real, target int,
	guess float8 GENERATED ALWAYS AS (pgml.predict('train iris', sepal_length, sepal_width, petal_length, petal_width)) STORED) USING pgml;
INSERT INTO flowers SELECT * FROM pgml.iris;
SELECT * FROM pgml.train('train iris', 'classification', 'flowers', 'target');

-- Training again from the last snapshot keeps its split; preprocessing too.
SELECT deployed FROM pgml.train('train again', 'regression', 'pgml.diabetes', 'target', test_size => 0.5, test_sampling => 'random',
	preprocess => '{"bmi": {"scale": "standard"}}');
SELECT deployed FROM pgml.train('train again');
SELECT s.relation_name, s.y_column_name, s.test_size, s.test_sampling, s.analysis
FROM pgml.snapshots s JOIN pgml.models m ON m.snapshot_id = s.id JOIN pgml.projects p ON p.id = m.project_id
WHERE p.name = 'train again' ORDER BY s.id;
SET client_min_messages = warning;
DROP SCHEMA regress_train CASCADE;
