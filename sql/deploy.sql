-- pgml.deploy: strategies, refusals, and the rebuild of what depends on predictions.
CREATE SCHEMA regress_deploy;
SET search_path = regress_deploy, public;
CREATE FUNCTION error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ': ' || SQLERRM || CASE WHEN detail <> '' THEN E'\n' || detail ELSE '' END ||
		CASE WHEN hint <> '' THEN E'\n' || hint ELSE '' END;
END $$;
-- Two models with opposite answers: y = 10 a, and y = -10 a. Training takes the last rows of these as its test part, where
-- the models have known scores.
CREATE TABLE up AS SELECT a::real, 10.0 * a AS y FROM generate_series(1, 100) AS a;
CREATE TABLE down AS SELECT a::real, -10.0 * a AS y FROM generate_series(1, 100) AS a;
CREATE TABLE noisy AS SELECT a::real, 10.0 * a + (a * 7919 % 13) * 30 AS y FROM generate_series(1, 100) AS a;
SELECT deployed FROM pgml.train('deploy', 'regression', 'up', 'y');
SELECT deployed FROM pgml.train('deploy', 'regression', 'noisy', 'y', 'ridge');
SELECT deployed FROM pgml.train('deploy', 'regression', 'down', 'y', 'lasso', '{"alpha": 0.000001}', automatic_deploy => false);
CREATE VIEW history AS SELECT m.algorithm, d.strategy FROM pgml.deployments d JOIN pgml.models m ON m.id = d.model_id
	JOIN pgml.projects p ON p.id = d.project_id WHERE p.name = 'deploy' ORDER BY d.id;
CREATE FUNCTION model_of(algorithm text) RETURNS bigint LANGUAGE sql AS $$
	SELECT m.id FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'deploy' AND m.algorithm = $1
$$;
TABLE history;

-- Strategies.
SELECT * FROM pgml.deploy('deploy', 'most_recent');
SELECT pgml.deploy('deploy', 'rollback');
SELECT pgml.deploy('deploy', 'rollback');
SELECT pgml.deploy('deploy', 'best_score');
SELECT pgml.deploy('deploy', 'best_score', 'ridge');
SELECT pgml.deploy('deploy', 'most_recent', 'linear');
SELECT project, strategy, algorithm FROM pgml.deploy(model_of('lasso'));
TABLE history;
-- Scores are compared as numbers: as text, -0.1 would come before -5, and 9 after 10.
BEGIN;
UPDATE pgml.models SET metrics = '{"r2": -5}' WHERE id = model_of('linear');
UPDATE pgml.models SET metrics = '{"r2": -0.1}' WHERE id = model_of('ridge');
UPDATE pgml.models SET metrics = '{"r2": null}' WHERE id = model_of('lasso');
SELECT algorithm FROM pgml.deploy('deploy', 'best_score');
UPDATE pgml.models SET metrics = '{"r2": 1e1}' WHERE id = model_of('lasso');
UPDATE pgml.models SET metrics = '{"r2": 9}' WHERE id = model_of('ridge');
SELECT algorithm FROM pgml.deploy('deploy', 'best_score');
-- Only successful models.
UPDATE pgml.models SET status = 'failed' WHERE id = model_of('lasso');
SELECT algorithm FROM pgml.deploy('deploy', 'best_score');
SELECT algorithm FROM pgml.deploy('deploy', 'most_recent');
SELECT regexp_replace(error_of('SELECT pgml.deploy(' || model_of('lasso') || ')'), '\d+ cannot', 'N cannot');
ROLLBACK;

-- Automatic deployment: a tie deploys, a worse model does not, a model without score never replaces one with it.
SELECT deployed FROM pgml.train('deploy auto', 'regression', 'noisy', 'y');
SELECT deployed FROM pgml.train('deploy auto', 'regression', 'noisy', 'y');
SELECT deployed FROM pgml.train('deploy auto', 'regression', 'noisy', 'y', 'ridge', '{"alpha": 1000000}');
SELECT deployed FROM pgml.train('deploy auto', 'regression', 'noisy', 'y', test_size => 0);
SELECT deployed FROM pgml.train('deploy auto', 'regression', 'up', 'y');
SELECT deployed FROM pgml.train('deploy none', 'regression', 'up', 'y', test_size => 0);
SELECT deployed FROM pgml.train('deploy none', 'regression', 'up', 'y', test_size => 0);
SELECT deployed FROM pgml.train('deploy none', 'regression', 'up', 'y');
SELECT deployed FROM pgml.train('deploy never', 'regression', 'up', 'y', automatic_deploy => false);

-- Refusals.
SELECT error_of($$SELECT pgml.deploy('no such project', 'best_score')$$);
SELECT error_of($$SELECT pgml.deploy(NULL, 'best_score')$$);
SELECT error_of($$SELECT pgml.deploy('deploy', NULL)$$);
SELECT error_of($$SELECT pgml.deploy(NULL::bigint)$$);
SELECT error_of($$SELECT pgml.deploy(-1)$$);
SELECT error_of($$SELECT pgml.deploy('deploy', 'new_score')$$);
SELECT error_of($$SELECT pgml.deploy('deploy', 'specific')$$);
SELECT error_of($$SELECT pgml.deploy('deploy', 'best_score', 'xgboost')$$);
SELECT error_of($$SELECT pgml.deploy('deploy never', 'rollback')$$);
SELECT error_of($$SELECT pgml.predict('deploy never', 1)$$);
BEGIN READ ONLY;
SELECT pgml.deploy('deploy', 'best_score');
ROLLBACK;

-- Dependents: an index on a prediction column, written by hand on a heap table, partial, over a partition, of two calls,
-- and statistics. Each must answer as a sequential scan does, before and after.
SELECT algorithm FROM pgml.deploy(model_of('linear'));
CREATE TABLE houses (id int, a real, price float8 GENERATED ALWAYS AS (pgml.predict('deploy', a)) STORED) USING pgml;
INSERT INTO houses SELECT i, i FROM generate_series(1, 1000) AS i;
CREATE INDEX houses_price ON houses (price);
CREATE TABLE plain (id int, a real);
INSERT INTO plain SELECT i, i FROM generate_series(1, 1000) AS i;
CREATE INDEX plain_predict ON plain ((pgml.predict('deploy', a) + pgml.predict('deploy', a * 2)));
CREATE INDEX plain_partial ON plain (id) WHERE pgml.predict('deploy', a) < -5000;
CREATE INDEX plain_other ON plain ((pgml.predict('deploy auto', a)));
CREATE STATISTICS plain_statistics ON (pgml.predict('deploy', a)) FROM plain;
CREATE TABLE parts (id int, a real) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (500);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (500) TO (2000);
INSERT INTO parts SELECT i, i FROM generate_series(1, 1000) AS i;
CREATE INDEX parts_predict ON parts (pgml.predict('deploy', a));
ANALYZE houses, plain, parts;
CREATE FUNCTION answers(OUT houses_top int[], OUT plain_top int[], OUT plain_partial bigint, OUT parts_top int[]) LANGUAGE sql AS $$
	SELECT array(SELECT id FROM houses ORDER BY price DESC LIMIT 3),
		array(SELECT id FROM plain ORDER BY pgml.predict('deploy', a) + pgml.predict('deploy', a * 2) DESC LIMIT 3),
		(SELECT count(*) FROM plain WHERE pgml.predict('deploy', a) < -5000),
		array(SELECT id FROM parts ORDER BY pgml.predict('deploy', a) DESC LIMIT 3)
$$;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT 'index' AS by, * FROM answers();
SELECT algorithm FROM pgml.deploy(model_of('lasso'));
SELECT 'index' AS by, * FROM answers();
RESET enable_seqscan;
RESET enable_sort;
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SELECT 'scan' AS by, * FROM answers();
RESET enable_indexscan;
RESET enable_bitmapscan;
-- Statistics are of the new model: all predictions are negative now.
SELECT (histogram_bounds::text::float8[])[1] < 0 AS houses_index_below_zero FROM pg_stats WHERE tablename = 'houses_price';
SELECT (histogram_bounds::text::float8[])[1] < 0 AS plain_statistics_below_zero FROM pg_stats_ext_exprs WHERE statistics_name = 'plain_statistics';
-- The same model again rebuilds nothing.
SELECT algorithm FROM pgml.deploy(model_of('lasso'));
-- The statement that deploys has the old version pinned; the rebuilt index must not.
SELECT round(pgml.predict('deploy', 1)) AS before, (pgml.deploy('deploy', 'most_recent', 'linear')).algorithm;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT 'index' AS by, * FROM answers();
RESET enable_seqscan;
RESET enable_sort;
-- So with a function that deploys and predicts, and with a rollback to a savepoint.
BEGIN;
SELECT pgml.deploy(model_of('lasso'));
SELECT houses_top FROM answers();
SAVEPOINT s;
SELECT pgml.deploy('deploy', 'rollback');
SELECT houses_top FROM answers();
ROLLBACK TO s;
SELECT houses_top FROM answers();
ROLLBACK;
SELECT houses_top FROM answers();

-- A unique index that the new model violates keeps the old model.
CREATE TABLE flat AS SELECT a, 0.0 * a AS y FROM up;
UPDATE flat SET y = 1 WHERE a = 50;
SELECT deployed FROM pgml.train('deploy', 'regression', 'flat', 'y', 'elastic_net', '{"alpha": 1000}', automatic_deploy => false);
CREATE UNIQUE INDEX houses_unique ON houses (price);
\set VERBOSITY default
SELECT regexp_replace(error_of('SELECT pgml.deploy(' || model_of('elastic_net') || ')'), '\(-?[0-9.e-]+\) is', '(N) is');
SELECT algorithm FROM pgml.deployed_models WHERE name = 'deploy';
SELECT houses_top FROM answers();
SELECT pgml.deploy(model_of('elastic_net'));
DROP INDEX houses_unique;
-- An index left invalid is not rebuilt.
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'plain_predict'::regclass;
SELECT pgml.deploy(model_of('lasso'));
UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'plain_predict'::regclass;
REINDEX INDEX plain_predict;

-- Names: an index whose project's name is only known row by row counts as a dependent; one of another project does not.
CREATE TABLE by_name (project text, a real);
INSERT INTO by_name SELECT 'deploy', i FROM generate_series(1, 10) AS i;
CREATE INDEX by_name_predict ON by_name (pgml.predict(project, a));
SELECT pgml.deploy('deploy auto', 'rollback');
SELECT pgml.deploy('deploy auto', 'rollback');
DROP TABLE by_name;

-- Dropping a project takes its models along; what depends on predictions then fails clearly.
DELETE FROM pgml.projects WHERE name = 'deploy';
SELECT count(*) FROM pgml.files f WHERE NOT EXISTS (SELECT FROM pgml.models m WHERE m.id = f.model_id);
SELECT sum(price) FROM houses;
SELECT deployed FROM pgml.train('deploy', 'regression', 'up', 'y');
SET enable_seqscan = off;
SET enable_sort = off;
SELECT 'index' AS by, * FROM answers();
RESET enable_seqscan;
RESET enable_sort;
SET client_min_messages = warning;
DROP SCHEMA regress_deploy CASCADE;
