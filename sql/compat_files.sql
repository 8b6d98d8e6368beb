-- The rest of PostgresML's functions: the catalog as files, metrics of two arrays.
SET client_min_messages = warning;
-- scikit-learn's values for the same arrays: r2 0.948608, mean squared error 0.375, mean absolute error 0.5.
SELECT round(pgml.sklearn_r2_score(ARRAY[3, -0.5, 2, 7], ARRAY[2.5, 0.0, 2, 8])::numeric, 6),
	pgml.sklearn_regression_metrics(ARRAY[3, -0.5, 2, 7], ARRAY[2.5, 0.0, 2, 8]);
SELECT pgml.sklearn_regression_metrics(ARRAY[1, 1], ARRAY[1, 2]), pgml.sklearn_r2_score(ARRAY[1, NULL, 2], ARRAY[1, 2, NULL]);
-- Two classes: of class 1. More: macro means.
SELECT pgml.sklearn_f1_score(ARRAY[0, 1, 1, 0, 1], ARRAY[0, 1, 0, 0, 1]);
SELECT key, round(value::numeric, 6) FROM jsonb_each_text(pgml.sklearn_classification_metrics(ARRAY[0, 1, 1, 0, 1], ARRAY[0, 1, 0, 0, 1], 2)) ORDER BY key;
SELECT key, round(value::numeric, 6) FROM jsonb_each_text(pgml.sklearn_classification_metrics(ARRAY[0, 1, 2, 0, 1, 2], ARRAY[0, 2, 1, 0, 0, 1], 3)) ORDER BY key;
CREATE TABLE stamped (id int, updated_at timestamp);
INSERT INTO stamped VALUES (1, '2000-01-01');
SELECT pgml.auto_updated_at('stamped');
UPDATE stamped SET id = 2;
SELECT updated_at > '2020-01-01' FROM stamped;
DROP TABLE stamped;
-- The catalog as files. What is loaded into a database that has it already is refused as a whole.
CREATE TABLE numbers AS SELECT i AS x, 2 * i AS y FROM generate_series(1, 20) AS i;
SELECT deployed FROM pgml.train('files', 'regression', 'numbers', 'y', 'linear');
SELECT pgml.dump_all(current_setting('data_directory'));
\set VERBOSITY terse
SELECT pgml.load_all(current_setting('data_directory'));
SELECT pgml.drop_project('files');
BEGIN;
TRUNCATE pgml.deployments, pgml.files, pgml.models, pgml.snapshots, pgml.projects CASCADE;
SELECT pgml.load_all(current_setting('data_directory'));
SELECT count(*), min(round(pgml.predict('files', 7)::numeric, 3)) FROM pgml.projects WHERE name = 'files';
ROLLBACK;
SELECT pgml.dump_all('/nowhere at all');
CREATE ROLE regress_files;
SET ROLE regress_files;
SELECT pgml.dump_all('/tmp');
RESET ROLE;
DROP ROLE regress_files;
DROP TABLE numbers;
