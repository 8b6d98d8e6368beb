-- Features that no tree looks at are neither read nor detoasted; what raised an error before still does. EXPLAIN ANALYZE tells
-- what was read and evaluated, in parallel plans as well.
CREATE SCHEMA unused;
SET search_path = unused;
SET client_min_messages = warning;
\pset tuples_only on
-- All that a model can learn from is x; `note` is there for the one that reads it.
CREATE TABLE training AS SELECT i % 100 AS x, 3::real AS n, 'same'::text AS note, '{1,2}'::real[] AS pair, (i % 100) * 2 AS y FROM generate_series(1, 1000) i;
SELECT deployed FROM pgml.train('unused', 'regression', 'training', 'y', 'xgboost', hyperparams => '{"n_estimators": 20}');
CREATE TABLE noted AS SELECT i % 100 AS x, 3::real AS n, note, CASE note WHEN 'low' THEN 0 ELSE 9 END AS y
	FROM (SELECT i, CASE WHEN i * 7 % 13 < 6 THEN 'low' ELSE 'high' END AS note FROM generate_series(1, 1000) i) x;
SELECT deployed FROM pgml.train('noted', 'regression', 'noted', 'y', 'xgboost', hyperparams => '{"n_estimators": 20}');

-- Long notes lie in the TOAST table, uncompressed.
CREATE TABLE houses (
	id int, note text, x int, n real, pair real[],
	y float8 GENERATED ALWAYS AS (pgml.predict('unused', x, n, note, pair)) STORED
) USING pgml;
ALTER TABLE houses ALTER note SET STORAGE EXTERNAL;
INSERT INTO houses SELECT i, repeat('long', 3000), i % 100, CASE WHEN i % 3 > 0 THEN i END, ARRAY[i, i + 1] FROM generate_series(1, 600) i;
VACUUM ANALYZE houses;
CREATE FUNCTION buffers(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE plan json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) ' || query INTO plan;
	RETURN (plan->0->'Plan'->>'Shared Hit Blocks')::bigint + (plan->0->'Plan'->>'Shared Read Blocks')::bigint;
END $$;
-- Blocks read are those of the table alone, or those of all notes as well (600 notes, two blocks each and their index).
CREATE FUNCTION reads_notes(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	setting text;
	blocks bigint;
BEGIN
	FOREACH setting IN ARRAY ARRAY['fused', 'unfused', 'row'] LOOP
		PERFORM set_config('pgml.fused_scan', CASE setting WHEN 'fused' THEN 'on' ELSE 'off' END, true);
		PERFORM set_config('pgml.batch', CASE setting WHEN 'row' THEN 'off' ELSE 'on' END, true);
		EXECUTE query; -- warms the catalog caches
		blocks := buffers(query);
		RETURN NEXT setting || CASE WHEN blocks < 300 THEN ': no' WHEN blocks > 1800 THEN ': all' ELSE ': ' || blocks END;
	END LOOP;
END $$;
SELECT reads_notes('SELECT sum(y) FROM houses');
SELECT reads_notes('SELECT sum(pgml.predict(''noted'', x, n, note)) FROM houses');
-- An expression is evaluated whatever becomes of its value.
SELECT reads_notes('SELECT sum(pgml.predict(''unused'', x, n, left(note, 2), pair)) FROM houses');

\echo -- the same answers
CREATE FUNCTION same(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	sums text[];
	setting text;
	sum text;
BEGIN
	FOREACH setting IN ARRAY ARRAY['fused', 'unfused', 'row'] LOOP
		PERFORM set_config('pgml.fused_scan', CASE setting WHEN 'fused' THEN 'on' ELSE 'off' END, true);
		PERFORM set_config('pgml.batch', CASE setting WHEN 'row' THEN 'off' ELSE 'on' END, true);
		EXECUTE 'SELECT count(*) || '' rows '' || md5(string_agg(q::text, E''\n'')) FROM (' || query || ') q' INTO sum;
		sums := sums || sum;
	END LOOP;
	RETURN CASE WHEN sums[1] = sums[2] AND sums[1] = sums[3] THEN split_part(sums[1], ' md5', 1) ~ '^600 rows' ELSE false END;
END $$;
SELECT same('SELECT id, y FROM houses'), same('SELECT id, y, n, length(note) FROM houses'),
	same('SELECT id, pgml.predict(''noted'', x, n, note) FROM houses'), same('SELECT pgml.predict(''unused'', x, NULL, NULL, NULL) FROM houses');
-- A column added later, which no old row has.
ALTER TABLE houses ADD COLUMN late real DEFAULT 7, ADD COLUMN later int;
SELECT same('SELECT id, pgml.predict(''unused'', x, late, note, pair), pgml.predict(''unused'', x, later, note, pair), later FROM houses');
SELECT same('SELECT id, pgml.predict(''unused'', later, x, note, pair) FROM houses');

\echo -- the same errors
CREATE FUNCTION fails(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE setting text;
BEGIN
	FOREACH setting IN ARRAY ARRAY['fused', 'unfused', 'row'] LOOP
		PERFORM set_config('pgml.fused_scan', CASE setting WHEN 'fused' THEN 'on' ELSE 'off' END, true);
		PERFORM set_config('pgml.batch', CASE setting WHEN 'row' THEN 'off' ELSE 'on' END, true);
		BEGIN
			EXECUTE query;
			RETURN NEXT setting || ' passed';
		EXCEPTION WHEN OTHERS THEN
			RETURN NEXT SQLSTATE || ' ' || regexp_replace(SQLERRM, 'model \d+', 'model N');
		END;
	END LOOP;
END $$;
SELECT fails('SELECT sum(pgml.predict(''unused'', x, note, note, pair)) FROM houses');
SELECT fails('SELECT sum(pgml.predict(''unused'', x, n, x, pair)) FROM houses');
SELECT fails('SELECT sum(pgml.predict(''unused'', x, 1 / (id - 300), note, pair)) FROM houses');
SELECT fails('SELECT sum(pgml.predict(''unused'', x, n, note, pair || 1::real)) FROM houses');
SELECT fails('SELECT sum(pgml.predict(''unused'', x, n, note)) FROM houses');
SELECT fails('SELECT sum(pgml.predict(''unused'', x, ''three'', note, pair)) FROM houses');

\echo -- what EXPLAIN ANALYZE tells
CREATE FUNCTION work(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
	node jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ' || query INTO plan;
	FOR node IN SELECT jsonb_path_query(plan, 'strict $.**.Plan') UNION ALL SELECT jsonb_path_query(plan, 'strict $.**.Plans[*]') LOOP
		CONTINUE WHEN NOT node ? 'Rows Predicted';
		RETURN NEXT format('%s%s: features %s of %s, trees %s, rows %s, batches %s, evaluator %s', CASE WHEN (node->>'Parallel Aware')::bool THEN 'parallel ' END,
			node->>'Custom Plan Provider', node->>'Features Read', node->>'Features', node->>'Trees', node->>'Rows Predicted',
			CASE WHEN (node->>'Batches')::int > 1 THEN 'several' ELSE node->>'Batches' END, jsonb_array_length(node->'Evaluator'));
	END LOOP;
END $$;
SELECT work('SELECT sum(y) FROM houses');
SELECT work('SELECT sum(y), sum(pgml.predict(''noted'', x, n, note)) FROM houses');
SELECT work('SELECT sum(y) FROM houses WHERE x < 10');
SELECT work('SELECT sum(y) FROM houses WHERE x < 0');
SET pgml.fused_scan = off;
SELECT work('SELECT sum(y) FROM houses WHERE x < 10');
SELECT work('SELECT k, s FROM generate_series(1, 3) k, LATERAL (SELECT sum(y) AS s FROM houses WHERE x > k OFFSET 0) x');
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT work('SELECT sum(y) FROM houses');
SET parallel_leader_participation = off;
SELECT work('SELECT sum(y) FROM houses');
SET pgml.fused_scan = on;
SELECT work('SELECT sum(y) FROM houses');
RESET parallel_leader_participation;
SELECT work('SELECT sum(y) FROM houses');
CREATE FUNCTION lines(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE query LOOP
		CONTINUE WHEN line !~ '(Features|Trees|Rows Predicted)';
		RETURN NEXT trim(line);
	END LOOP;
END $$;
SELECT lines('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT sum(y) FROM houses');
SELECT lines('EXPLAIN (VERBOSE) SELECT sum(y) FROM houses');
RESET ALL;
SET client_min_messages = warning;
DROP SCHEMA unused CASCADE;
