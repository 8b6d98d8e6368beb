-- Models in shared memory: who loads, who maps, what makes them leave. Sizes and times differ from machine to machine and
-- are not shown.
\set VERBOSITY terse
\c
SET client_min_messages = warning;
CREATE TABLE cache_rows AS SELECT (i % 40)::float8 AS x, (i % 7)::float8 AS y, (i % 40 * 3 + i % 7)::float8 AS target
	FROM generate_series(1, 400) i;
SELECT * FROM pgml.train('cache trees', 'regression', 'cache_rows', 'target', algorithm => 'xgboost',
	hyperparams => '{"n_estimators": 20, "max_depth": 4}');
SELECT * FROM pgml.train('cache lines', 'regression', 'cache_rows', 'target', algorithm => 'linear');
CREATE FUNCTION cached(OUT project text, OUT version bigint, OUT filled boolean, OUT sessions int, OUT hits bigint, OUT loads bigint,
		OUT evicted boolean, OUT dated boolean) RETURNS SETOF record
	BEGIN ATOMIC
		SELECT c.project, rank() OVER (PARTITION BY c.project ORDER BY c.model_id), c.bytes > 1000, c.sessions, c.hits, c.loads, c.evicted,
			c.loaded_at <= c.last_used + interval '1 minute' AND c.last_used <= clock_timestamp()
		FROM pgml.model_cache c WHERE c.datname = current_database() AND c.project LIKE 'cache %' ORDER BY 1, 2;
	END;
-- What other sessions, which \c has just ended, still map is on its way out.
CREATE FUNCTION settled(text, int) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..600 LOOP
		IF NOT EXISTS (SELECT FROM cached() c WHERE c.project = $1 AND c.sessions > $2) THEN RETURN true; END IF;
		PERFORM pg_sleep(0.1);
	END LOOP;
	RETURN false;
END $$;

-- Training shares nothing, the first prediction does; models that are not made of trees stay with their session.
SELECT * FROM cached();
SELECT round(pgml.predict('cache trees', 10, 3)), round(pgml.predict('cache lines', 10, 3));
SELECT * FROM cached();
SELECT round(pgml.predict('cache trees', 10, 3));
SELECT * FROM cached();

-- Another session maps it, and decodes nothing.
\c
SELECT settled('cache trees', 0);
SELECT round(pgml.predict('cache trees', 10, 3));
SELECT * FROM cached();

-- All members of the family, by project and by model id, from the image as from the nodes.
SET client_min_messages = warning;
CREATE TABLE cache_kinds AS SELECT i AS id, (i % 40)::float8 AS x, (ARRAY['red', 'green', NULL])[1 + i % 3] AS colour,
	(ARRAY['low', 'high', 'other'])[1 + (i % 40 + i % 3) % 3] AS three, i % 40 > 20 AS two FROM generate_series(1, 600) i;
CREATE VIEW cache_kinds_three AS SELECT x, colour, three FROM cache_kinds;
CREATE VIEW cache_kinds_two AS SELECT x, colour, two FROM cache_kinds;
SELECT count(*) FROM (VALUES ('three', 'xgboost'), ('three', 'random_forest'), ('two', 'xgboost'), ('two', 'random_forest'),
		('two', 'extra_trees'), ('two', 'hist_gradient_boosting')) AS v (target, algorithm),
	LATERAL pgml.train('cache ' || target || ' ' || algorithm, 'classification', 'cache_kinds_' || target, target, algorithm => algorithm::pgml.algorithm,
		hyperparams => CASE algorithm WHEN 'hist_gradient_boosting' THEN '{}' ELSE '{"n_estimators": 15}'::jsonb END);
CREATE FUNCTION cache_answers() RETURNS TABLE (project text, answers text) LANGUAGE sql AS $$
	SELECT p.name, md5(string_agg(concat_ws(' ', pgml.predict(p.name, k.x, k.colour), pgml.classify(p.name, k.x, k.colour),
		pgml.predict_proba(p.name, k.x, k.colour)), ',' ORDER BY k.id))
	FROM pgml.projects p, cache_kinds k WHERE p.name ~ '^cache (two|three) ' GROUP BY 1 ORDER BY 1
$$;
CREATE TABLE cache_before AS SELECT * FROM cache_answers();
SELECT project, hits, loads FROM cached() WHERE project ~ '^cache (two|three) ';
SET pgml.evaluator = walker; -- reads the nodes, which no session shares
SELECT project FROM cache_before JOIN cache_answers() AS now USING (project) WHERE cache_before.answers <> now.answers;
RESET pgml.evaluator;
SELECT project FROM cache_before JOIN cache_answers() AS now USING (project) WHERE cache_before.answers <> now.answers;

-- What looks into a model has its nodes, also where the session predicts from shared memory.
SELECT feature, importance > 0 AS used FROM pgml.feature_importance('cache trees') ORDER BY 1;
SELECT metric, value > 0.9 AS good FROM pgml.evaluate('cache trees', 'cache_rows') WHERE metric = 'r2';
SELECT sessions, hits, loads FROM cached() WHERE project = 'cache trees';

-- Parallel workers map what the leader loaded; with PgmlPredict, and row by row.
CREATE TABLE cache_many AS SELECT i AS id, (i % 40)::float8 AS x, (i % 7)::float8 AS y FROM generate_series(1, 30000) i;
ANALYZE cache_many;
\c
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
SET parallel_leader_participation = off;
SELECT round(pgml.predict('cache trees', 10, 3)); -- the leader's own mapping
CREATE TEMP TABLE cache_hits AS SELECT hits FROM cached() WHERE project = 'cache trees';
SELECT count(*) FROM cache_many WHERE pgml.predict('cache trees', x, y) > 60;
SELECT c.hits > h.hits AS workers_mapped, loads FROM cached() c, cache_hits h WHERE project = 'cache trees';
SET pgml.batch = off;
SELECT count(*) FROM cache_many WHERE pgml.predict('cache trees', x, y) > 60;
SELECT loads FROM cached() WHERE project = 'cache trees';
RESET pgml.batch;

-- A version that is deployed is loaded beside the one before, which statements may still name.
SET client_min_messages = warning;
SELECT * FROM pgml.train('cache trees', 'regression', 'cache_rows', 'target', algorithm => 'xgboost',
	hyperparams => '{"n_estimators": 40, "max_depth": 4}', automatic_deploy => false);
SELECT count(*) FROM (SELECT max(id) AS id FROM pgml.models) m, LATERAL pgml.deploy(m.id);
SELECT round(pgml.predict('cache trees', 10, 3));
SELECT version, loads, evicted FROM cached() WHERE project = 'cache trees';

-- A version that is dropped leaves the cache with the transaction that drops it, not before.
SELECT min(model_id) AS first FROM pgml.model_cache WHERE project = 'cache trees' \gset
PREPARE first_cached AS SELECT count(*) FROM pgml.model_cache WHERE datname = current_database() AND model_id = :first AND NOT evicted;
BEGIN;
SELECT pgml.drop_model(:first);
EXECUTE first_cached;
ROLLBACK;
EXECUTE first_cached;
SELECT pgml.drop_model(:first);
EXECUTE first_cached;
SELECT round(pgml.predict('cache trees', 10, 3));

-- A model that its own transaction trains is used from the cache by that transaction, and never by another one.
BEGIN;
SELECT * FROM pgml.train('cache undone', 'regression', 'cache_rows', 'target', algorithm => 'xgboost', hyperparams => '{"n_estimators": 5}');
SELECT pgml.predict('cache undone', 10, 3) > 0 AS answers;
ROLLBACK;
SELECT pgml.predict('cache undone', 10, 3) > 0 AS answers;

-- Bytes that somebody changed by hand are other bytes, also for a session that has the model in use.
BEGIN;
UPDATE pgml.files SET data = data || '\x00' WHERE model_id = (SELECT max(model_id) FROM pgml.model_cache WHERE project = 'cache trees');
\set VERBOSITY sqlstate
SELECT pgml.predict('cache trees', 10, 3);
\set VERBOSITY terse
ROLLBACK;
SELECT round(pgml.predict('cache trees', 10, 3));

-- Others see that there is a model, and not which.
CREATE ROLE cache_reader;
SET ROLE cache_reader;
SELECT count(*) > 0 AS entries, count(model_id), count(project) FROM pgml.model_cache WHERE datname = current_database();
RESET ROLE;
SELECT pgml.grant_use('cache trees', 'cache_reader');
SET ROLE cache_reader;
SELECT project, count(*) FROM pgml.model_cache WHERE model_id IS NOT NULL GROUP BY 1;
RESET ROLE;
SELECT pgml.revoke_use('cache trees', 'cache_reader');
GRANT pg_monitor TO cache_reader;
SET ROLE cache_reader;
SELECT count(*) = count(model_id) AS all_seen FROM pgml.model_cache;
RESET ROLE;
DROP ROLE cache_reader;

SELECT count(*) FROM (SELECT pgml.drop_project(name) FROM pgml.projects WHERE name LIKE 'cache %') d;
SELECT count(*) FROM pgml.model_cache WHERE datname = current_database() AND NOT evicted AND model_id NOT IN (SELECT id FROM pgml.models);
SET pgml.model_cache_size = 0; -- for the whole server, in its configuration
DROP TABLE cache_rows, cache_kinds, cache_before, cache_many CASCADE;
DROP FUNCTION cached, settled, cache_answers;
