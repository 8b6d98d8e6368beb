-- pgml.predict_batch and pgml.xgboost_version.
CREATE SCHEMA regress_batch;
CREATE ROLE regress_batch_user;
GRANT USAGE ON SCHEMA regress_batch TO regress_batch_user;
SET search_path = regress_batch, public;
SET client_min_messages = warning;
CREATE FUNCTION error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text; hint text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	RETURN regexp_replace(SQLSTATE || ': ' || SQLERRM || CASE WHEN detail <> '' THEN E'\n' || detail ELSE '' END ||
		CASE WHEN hint <> '' THEN E'\n' || hint ELSE '' END, 'model \d+', 'model N', 'g');
END $$;
CREATE TABLE rows AS SELECT i AS id, (i * 7919 % 101)::real AS a, (i * 104729 % 13)::real AS b, 'c' || i % 3 AS category FROM generate_series(1, 1000) AS i;
CREATE VIEW numbers AS SELECT a, b, 3.0 * a + b AS y FROM rows;
CREATE VIEW texts AS SELECT a, category, 3.0 * a + b AS y FROM rows;
CREATE VIEW classes AS SELECT a, b, CASE WHEN a < 30 THEN 4 WHEN a < 70 THEN 7 ELSE 9 END AS y FROM rows;
SELECT deployed FROM pgml.train('batch', 'regression', 'numbers', 'y', 'xgboost', '{"n_estimators": 4}');
SELECT deployed FROM pgml.train('batch', 'regression', 'numbers', 'y', 'linear', automatic_deploy => false);
SELECT deployed FROM pgml.train('batch classes', 'classification', 'classes', 'y', 'xgboost', '{"n_estimators": 4}');
SELECT deployed FROM pgml.train('batch texts', 'regression', 'texts', 'y');
CREATE FUNCTION model_of(project text, algorithm text) RETURNS bigint LANGUAGE sql AS $$ SELECT max(id) FROM pgml.trained_models t WHERE t.name = $1 AND t.algorithm = $2 $$;

-- The incumbent's idioms: a set by project, an array by model id; both in the order of the rows.
SELECT p = pgml.predict('batch', 5, 6)::real AS first FROM pgml.predict_batch('batch', ARRAY[5, 6, 7, NULL]) AS p;
WITH batch AS (SELECT row_number() OVER () AS id, p FROM pgml.predict_batch('batch', (SELECT array_agg(ARRAY[a, b] ORDER BY id) FROM rows)) AS p)
SELECT count(*), count(*) FILTER (WHERE p = pgml.predict('batch', a, b)::real) AS equal FROM rows JOIN batch USING (id);
SELECT id, p = pgml.predict('batch', a, b)::real AS equal FROM rows JOIN (
	SELECT unnest(array_agg(id ORDER BY id)) AS id, pgml.predict_batch('batch', array_agg(ARRAY[a, b] ORDER BY id)) AS p FROM rows WHERE id <= 3) AS in_lockstep USING (id);
SELECT array_length(p, 1), p[1] = pgml.predict(model_of('batch', 'linear'), 1, 2)::real AS first, p[2] = pgml.predict(model_of('batch', 'linear'), NULL, 4)::real AS missing, pg_typeof(p)
FROM pgml.predict_batch(model_of('batch', 'linear'), ARRAY[1, 2, NULL, 4]) AS p;
SELECT * FROM pgml.predict_batch('batch classes', ARRAY[10, 1, 50, 1, 90, 1]::float8[]::real[]);
SELECT count(*) FROM pgml.predict_batch('batch', '{}');
SELECT pgml.predict_batch(model_of('batch', 'linear'), '{}'), pgml.predict_batch(NULL::bigint, '{1}') IS NULL AS of_null;
-- A new version answers at once, also in a prepared statement.
PREPARE answer AS SELECT p = pgml.predict('batch', 5, 6)::real AS as_deployed, p = pgml.predict(model_of('batch', 'linear'), 5, 6)::real AS linear FROM pgml.predict_batch('batch', ARRAY[5, 6]) AS p;
EXECUTE answer;
SELECT algorithm FROM pgml.deploy(model_of('batch', 'linear'));
EXECUTE answer;

SELECT error_of($$SELECT pgml.predict_batch('batch', ARRAY[1, 2, 3])$$);
SELECT error_of($$SELECT pgml.predict_batch('batch texts', ARRAY[1, 2])$$);
SELECT error_of($$SELECT pgml.predict_batch('no such', ARRAY[1, 2])$$), error_of($$SELECT pgml.predict_batch(0, ARRAY[1, 2])$$);
SET ROLE regress_batch_user;
SELECT error_of($$SELECT pgml.predict_batch('batch', ARRAY[1, 2])$$);
RESET ROLE;

SELECT pgml.xgboost_version() ~ '^\d+\.\d+\.\d+$' AS version;
SELECT count(pgml.drop_project(name)) FROM (SELECT name FROM pgml.projects WHERE name LIKE 'batch%' ORDER BY 1) AS p;
DROP SCHEMA regress_batch CASCADE;
DROP ROLE regress_batch_user;
