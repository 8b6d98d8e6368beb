-- Tables, model and queries of the read benchmark for one number of features; bench/read.sh drives it.
-- psql variables: n (features), rows, train_rows, naive_rows, rounds, columns ("f1, f2, ..."), definitions ("f1 real, ...").
\set ON_ERROR_STOP on
\set QUIET on
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET jit = off;
SELECT setseed(0.5) \g /dev/null

DROP TABLE IF EXISTS features, training, predicted, predicted_nulls, stored, arrived CASCADE;
CREATE TABLE features (:definitions);
SELECT format('INSERT INTO features SELECT %s FROM generate_series(1, %s)',
	string_agg('random()', ', '), :rows) FROM generate_series(1, :n) \gexec
-- Steps, a product and noise: trees of full depth, as real data gives them.
CREATE TABLE training AS
	SELECT *, (100 * f1 + 50 * f2 * f3 + CASE WHEN f4 > 0.5 THEN 30 ELSE 0 END + 20 * sin(10 * f5) + 10 * f6 * f7 + f8
		+ 5 * random())::real AS y
	FROM features LIMIT :train_rows;
DELETE FROM pgml.projects WHERE name = 'read';
SELECT deployed FROM pgml.train('read', 'regression', 'training', 'y', algorithm => 'xgboost', test_size => 0,
	hyperparams => '{"n_estimators": 100, "max_depth": 6, "base_score": 0.5}') \g /dev/null

SELECT format('CREATE TABLE predicted (%s, price double precision GENERATED ALWAYS AS (pgml.predict(''read'', %s)) STORED) USING pgml',
	:'definitions', :'columns') \gexec
INSERT INTO predicted SELECT * FROM features;
-- The same without NOT NULL, and one value in twenty is missing.
SELECT format('CREATE TABLE predicted_nulls (%s, price double precision GENERATED ALWAYS AS (pgml.predict(''read'', %s)) STORED) USING pgml',
	replace(:'definitions', ' NOT NULL', ''), :'columns') \gexec
SELECT format('INSERT INTO predicted_nulls SELECT %s FROM features', string_agg(format('CASE WHEN random() > 0.05 THEN f%s END', i), ', '))
	FROM generate_series(1, :n) i \gexec
-- The value itself, as a nightly job would store it.
CREATE TABLE stored AS SELECT * FROM predicted;
DROP TABLE features;
VACUUM (ANALYZE) predicted, predicted_nulls, stored;

-- A quarter of the rows, in the order of the feature that matters most, as rows often arrive in the order of something.
SELECT format('CREATE TABLE arrived (%s, price double precision GENERATED ALWAYS AS (pgml.predict(''read'', %s)) STORED) USING pgml',
	:'definitions', :'columns') \gexec
INSERT INTO arrived SELECT :columns FROM (SELECT * FROM predicted LIMIT :rows / 4) first_rows ORDER BY f1;
CREATE INDEX ON arrived USING brin (price) WITH (pages_per_range = 8);
VACUUM (ANALYZE) arrived;
SELECT percentile_cont(0.999) WITHIN GROUP (ORDER BY price) AS high FROM arrived \gset

CREATE OR REPLACE FUNCTION naive_train(query text, rounds int, depth int) RETURNS bigint
	AS 'pgml_bench_read', 'naive_train' LANGUAGE C STRICT;
CREATE OR REPLACE FUNCTION naive_predict(VARIADIC features "any") RETURNS double precision
	AS 'pgml_bench_read', 'naive_predict' LANGUAGE C IMMUTABLE COST 1000;
-- The same settings on the same rows: the same model, and the figures below count only if it answers the same.
SELECT naive_train('SELECT * FROM training', 100, 6) \g /dev/null
SELECT 'DO $$ BEGIN RAISE EXCEPTION ''the two models differ''; END $$'
	FROM (SELECT * FROM predicted LIMIT 1000) few WHERE price <> naive_predict(:columns) LIMIT 1 \gexec

CREATE OR REPLACE FUNCTION extract_features(source regclass, features int, how text) RETURNS double precision
	AS 'pgml_bench_read', 'extract_features' LANGUAGE C STRICT;
SELECT 'DO $$ BEGIN RAISE EXCEPTION ''pages and slots differ''; END $$' FROM (VALUES ('predicted'), ('predicted_nulls')) t(t)
	WHERE extract_features(t::regclass, :n, 'pages') <> extract_features(t::regclass, :n, 'slots') \gexec

-- One row of the result per query: the fastest of the rounds, interleaved so that a slow minute of the machine hits all.
CREATE TEMP TABLE queries (name text PRIMARY KEY, query text, rows bigint, settings text[] DEFAULT '{}');
CREATE TEMP TABLE times (name text, ms double precision);
INSERT INTO queries
	SELECT 'sum', format('SELECT avg(%s) FROM predicted', replace(:'columns', ', ', ' + ')), :rows
	UNION ALL SELECT 'sum_nulls', format('SELECT avg(%s) FROM predicted_nulls', replace(:'columns', ', ', ' + ')), :rows
	UNION ALL SELECT 'stored', 'SELECT avg(price) FROM stored', :rows
	UNION ALL SELECT 'slots', format('SELECT extract_features(''predicted'', %s, ''slots'')', :n), :rows
	UNION ALL SELECT 'extract', format('SELECT extract_features(''predicted'', %s, ''pages'')', :n), :rows
	UNION ALL SELECT 'slots_nulls', format('SELECT extract_features(''predicted_nulls'', %s, ''slots'')', :n), :rows
	UNION ALL SELECT 'extract_nulls', format('SELECT extract_features(''predicted_nulls'', %s, ''pages'')', :n), :rows
	UNION ALL SELECT 'naive_udf', format('SELECT avg(naive_predict(%s)) FROM (SELECT * FROM predicted LIMIT %s) few', :'columns', :naive_rows), :naive_rows;
INSERT INTO queries VALUES
	('avg', 'SELECT avg(price) FROM predicted', :rows, '{}'),
	('avg_nulls', 'SELECT avg(price) FROM predicted_nulls', :rows, '{}'),
	('brin', format('SELECT count(*) FROM arrived WHERE price > %s', :'high'), :rows / 4, '{enable_seqscan=off}'),
	('brin_without', format('SELECT count(*) FROM arrived WHERE price > %s', :'high'), :rows / 4, '{enable_bitmapscan=off}'),
	('unfused', 'SELECT avg(price) FROM predicted', :rows, '{pgml.fused_scan=off}'),
	('row', 'SELECT avg(price) FROM predicted', :rows, '{pgml.batch=off}'),
	-- The planner does not take a single worker by itself: without force_parallel_mode this would be the plan without workers.
	('one_worker', 'SELECT avg(price) FROM predicted', :rows, '{max_parallel_workers_per_gather=1,parallel_leader_participation=off,force_parallel_mode=on}'),
	('two_workers', 'SELECT avg(price) FROM predicted', :rows, '{max_parallel_workers_per_gather=2,parallel_leader_participation=off}');
ALTER TABLE predicted SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
CREATE PROCEDURE pg_temp.run(rounds int) LANGUAGE plpgsql AS $$
DECLARE
	one record;
	started timestamptz;
	setting text;
BEGIN
	FOR round IN 0 .. rounds LOOP
		FOR one IN SELECT * FROM queries ORDER BY name LOOP
			FOREACH setting IN ARRAY one.settings LOOP
				PERFORM set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), false);
			END LOOP;
			started := clock_timestamp();
			EXECUTE one.query;
			-- Round 0 warms the cache.
			IF round > 0 THEN
				INSERT INTO times VALUES (one.name, extract(epoch FROM clock_timestamp() - started) * 1000);
			END IF;
			SET max_parallel_workers_per_gather = 0;
			RESET parallel_leader_participation;
			RESET force_parallel_mode;
			RESET enable_seqscan;
			RESET enable_bitmapscan;
			RESET pgml.fused_scan;
			RESET pgml.batch;
		END LOOP;
	END LOOP;
END $$;
CALL pg_temp.run(:rounds);
-- name, nanoseconds per row
SELECT name, round((min(ms) * 1e6 / rows)::numeric, 2) FROM times JOIN queries USING (name) GROUP BY name, rows ORDER BY name;
