-- BRIN indexes on a prediction column skip ranges of pages, with minmax and minmax-multi, also after a deployment.
CREATE SCHEMA brin;
SET search_path = brin;
SET client_min_messages = warning;
\pset tuples_only on
CREATE TABLE training AS SELECT i % 100 AS x, i % 7 AS z, (i % 100) * 10 AS y FROM generate_series(1, 2000) i;
SELECT deployed FROM pgml.train('brin', 'regression', 'training', 'y', 'xgboost', hyperparams => '{"n_estimators": 30}');
-- Rows come in the order of x, about 20 to a page.
CREATE TABLE readings (
	id int, x int, z int, filler text,
	y float8 GENERATED ALWAYS AS (pgml.predict('brin', x, z)) STORED
) USING pgml;
INSERT INTO readings SELECT i, i / 40, i % 7, repeat('-', 350) FROM generate_series(0, 3999) i;
VACUUM ANALYZE readings;
-- How a query finds its rows: the same ones as without the index, and what part of the table's pages it looks at.
CREATE FUNCTION pages_read(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
	rows bigint;
	reference bigint;
	node jsonb;
	pages float8 := pg_relation_size('readings') / 8192;
BEGIN
	PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'on', true);
	EXECUTE query INTO rows;
	EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || query INTO plan;
	PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_bitmapscan', 'off', true);
	EXECUTE query INTO reference;
	SELECT n INTO node FROM jsonb_path_query(plan, 'strict $.**.Plans[*]') n WHERE n->>'Node Type' = 'Bitmap Heap Scan';
	IF node IS NULL THEN
		RETURN 'no bitmap scan: ' || plan;
	END IF;
	RETURN format('%s rows%s, %s, rechecks %s', rows, CASE WHEN rows <> reference THEN ' instead of ' || reference END,
		CASE WHEN (node->>'Lossy Heap Blocks')::int <= pages * 0.15 THEN 'few pages' WHEN (node->>'Lossy Heap Blocks')::int >= pages * 0.9 THEN 'all pages'
			ELSE format('%s of %s pages', node->>'Lossy Heap Blocks', pages) END, (node->>'Rows Removed by Index Recheck')::int > 0);
END $$;

\echo -- minmax
CREATE INDEX readings_y ON readings USING brin (y) WITH (pages_per_range = 4);
SELECT pages_read('SELECT count(*) FROM readings WHERE y > 950');
SELECT pages_read('SELECT count(*) FROM readings WHERE y BETWEEN 480 AND 500');
SELECT pages_read('SELECT count(*) FROM readings WHERE y < -1000');
SELECT pages_read('SELECT count(*) FROM readings WHERE y > 0');

\echo -- another version: the other way round
UPDATE training SET y = 1000 - y;
SELECT deployed FROM pgml.train('brin', 'regression', 'training', 'y', 'xgboost', hyperparams => '{"n_estimators": 30}', automatic_deploy => false);
SELECT count(*) FROM pgml.deploy('brin', 'most_recent');
SELECT pages_read('SELECT count(*) FROM readings WHERE y > 950');
SELECT min(x), max(x) FROM readings WHERE y > 950;

\echo -- rows that come later: in no range, then summarised
INSERT INTO readings SELECT i, 100 - i / 40, i % 7, repeat('-', 350) FROM generate_series(0, 399) i;
SELECT pages_read('SELECT count(*) FROM readings WHERE y > 950');
SELECT brin_summarize_new_values('readings_y') > 0;
SELECT pages_read('SELECT count(*) FROM readings WHERE y > 950');
UPDATE readings SET x = 0 WHERE id = 2000;
SELECT pages_read('SELECT count(*) FROM readings WHERE y > 950');
DROP INDEX readings_y;

\echo -- a few rows out of place: minmax reads everything, minmax-multi does not
TRUNCATE readings;
INSERT INTO readings SELECT i, CASE i % 40 WHEN 0 THEN 0 WHEN 20 THEN 99 ELSE i / 40 END, i % 7, repeat('-', 350) FROM generate_series(0, 3999) i;
CREATE INDEX readings_y ON readings USING brin (y) WITH (pages_per_range = 4);
SELECT pages_read('SELECT count(*) FROM readings WHERE y BETWEEN 480 AND 500');
DROP INDEX readings_y;
CREATE INDEX readings_y ON readings USING brin (y float8_minmax_multi_ops) WITH (pages_per_range = 4);
SELECT pages_read('SELECT count(*) FROM readings WHERE y BETWEEN 480 AND 500');
UPDATE training SET y = 1000 - y;
SELECT deployed FROM pgml.train('brin', 'regression', 'training', 'y', 'xgboost', hyperparams => '{"n_estimators": 30}', automatic_deploy => false);
SELECT count(*) FROM pgml.deploy('brin', 'most_recent');
SELECT pages_read('SELECT count(*) FROM readings WHERE y BETWEEN 180 AND 200');
SELECT min(x), max(x) FROM readings WHERE y BETWEEN 180 AND 200;
DROP SCHEMA brin CASCADE;
