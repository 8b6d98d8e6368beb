-- What can happen to the catalog under a session that holds its models: in a database of its own.
SELECT current_database() AS home \gset
CREATE DATABASE pgml_predict_catalog;
\c pgml_predict_catalog
SET client_min_messages = warning;
CREATE EXTENSION pgml_am;
CREATE TABLE source AS SELECT i::real AS a, i * 2.0 AS y FROM generate_series(1, 100) i;
SELECT algorithm FROM pgml.train('p', 'regression', 'source', 'y', 'linear');
SELECT round(pgml.predict('p', 5));
PREPARE prepared AS SELECT round(pgml.predict('p', a)) FROM source WHERE a = 5;
EXECUTE prepared;

-- The extension goes and comes back; its model ids start again.
DROP EXTENSION pgml_am CASCADE;
EXECUTE prepared;
SELECT pgml.predict('p', 5);
CREATE EXTENSION pgml_am;
EXECUTE prepared;
UPDATE source SET y = a * 3;
SELECT algorithm FROM pgml.train('p', 'regression', 'source', 'y', 'linear');
SELECT round(pgml.predict('p', 5));
EXECUTE prepared;

-- Names
BEGIN;
ALTER EXTENSION pgml_am DROP TABLE pgml.files;
ALTER TABLE pgml.files RENAME TO elsewhere;
SELECT pgml.predict('p', 5);
ROLLBACK;
BEGIN;
ALTER INDEX pgml.projects_name_key RENAME TO elsewhere;
SELECT round(pgml.predict('p', 5));
ROLLBACK;

-- Storage
REINDEX TABLE CONCURRENTLY pgml.projects;
REINDEX TABLE CONCURRENTLY pgml.deployments;
REINDEX TABLE CONCURRENTLY pgml.files;
SELECT round(pgml.predict('p', 5));
VACUUM FULL pgml.files;
VACUUM FULL pgml.projects;
CLUSTER pgml.deployments USING deployments_pkey;
REINDEX INDEX pgml.deployments_project_id_id_idx;
SELECT round(pgml.predict('p', 5));

-- Rolled back, in whole and in part.
\set VERBOSITY terse
BEGIN;
TRUNCATE pgml.files;
SELECT pgml.predict('p', 5);
ROLLBACK;
SELECT round(pgml.predict('p', 5));
BEGIN;
SAVEPOINT a;
UPDATE pgml.files SET data = 'x';
SELECT pgml.predict('p', 5);
ROLLBACK TO a;
SELECT round(pgml.predict('p', 5));
COMMIT;
BEGIN;
SELECT round(pgml.predict('p', 5));
SAVEPOINT a;
SELECT algorithm FROM pgml.train('p', 'regression', 'source', 'y', 'ridge', '{"alpha": 1000000}', automatic_deploy => false);
SELECT strategy FROM pgml.deploy('p', 'most_recent', 'ridge');
SELECT round(pgml.predict('p', 5)) > 100 AS ridge;
ROLLBACK TO a;
SELECT round(pgml.predict('p', 5));
COMMIT;

\c :home
DROP DATABASE pgml_predict_catalog;
