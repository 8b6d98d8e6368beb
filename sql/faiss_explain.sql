-- EXPLAIN ANALYZE of searches with the access method faiss: the lines, the counts, and that nothing else changes.
CREATE SCHEMA faiss_explain;
SET search_path = faiss_explain, public;
SET max_parallel_maintenance_workers = 0;
SET max_parallel_workers_per_gather = 0;
SET jit = off; -- plans that avoid a disabled node look dear
SET enable_seqscan = off;
SET enable_sort = off;
CREATE FUNCTION some_vector(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg(((i * 7919 + j * 104729 + (i * j) % 127) % 1000)::real ORDER BY j)::vector FROM generate_series(1, 8) j $$;
-- Statistics of the searches of a statement, one row for each.
CREATE FUNCTION searches(statement text) RETURNS TABLE (loops bigint, rows bigint, probed bigint, lists bigint, codes bigint, reranked bigint, left_out bigint)
	LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, FORMAT json) ' || statement INTO plan;
	RETURN QUERY SELECT (n->>'Actual Loops')::bigint, (n->>'Actual Rows')::float8::bigint, (n->>'Lists Probed')::bigint, (n->>'Lists')::bigint, (n->>'Codes Scanned')::bigint,
		(n->>'Vectors Reranked')::bigint, (n->>'Rows Left Out')::bigint
		FROM jsonb_path_query(plan, 'strict $.** ? (@."Custom Plan Provider" == "PgmlSearchStatistics")') n;
END $$;
CREATE FUNCTION explain_text(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$ BEGIN RETURN QUERY EXECUTE 'EXPLAIN (ANALYZE) ' || statement; END $$;

CREATE TABLE items (gone int, id int PRIMARY KEY, g int, v vector(8), note text);
INSERT INTO items SELECT 0, i, i % 10, some_vector(i), 'note ' || i FROM generate_series(1, 600) i;
ALTER TABLE items DROP COLUMN gone;
CREATE INDEX items_v ON items USING faiss (v) WITH (factory = 'Flat');
ANALYZE items;

\echo -- the lines; without ANALYZE the plan is as it was
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, VERBOSE) SELECT i, ctid, tableoid::regclass, v <-> '[1,2,3,4,5,6,7,8]' AS d FROM items i WHERE g = 3 ORDER BY d LIMIT 5;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT yaml) SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 0;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' FOR UPDATE;
DO $$
DECLARE
	plan text;
BEGIN
	EXECUTE $s$EXPLAIN (BUFFERS, FORMAT json) SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5$s$ INTO plan;
	IF plan LIKE '%PgmlSearchStatistics%' OR plan NOT LIKE '%items_v%' THEN RAISE EXCEPTION '%', plan; END IF;
END $$;
\echo -- other indexes stay out of it
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT note FROM items WHERE id = 1;

\echo -- what the search follows
SET pgml.recall = 0.9925;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5;
SET pgml.probes = 3;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5;
SET pgml.refine = 40;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, SETTINGS) SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5;
RESET pgml.recall; RESET pgml.probes; RESET pgml.refine;

\echo -- counts are those of the search; with codes
DROP INDEX items_v;
CREATE INDEX items_v ON items USING faiss (v) WITH (factory = 'IVF8,PQ4x4fs');
SET pgml.refine = 40;
SELECT * FROM searches($$SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5$$) \gset
SELECT :loops AS loops, :rows AS rows, :lists AS lists, :reranked AS reranked, :left_out AS left_out, :probed BETWEEN 1 AND :lists AS probed, :codes > 0 AS codes,
	(:probed, :codes, :reranked, :left_out) = (lists_opened, codes_scanned, rows_bounded, rows_left_out) AS same FROM pgml.last_search();
-- More and more is opened, and some of it comes too late.
SET pgml.probes = 1; SET pgml.refine = 1;
SELECT * FROM searches($$SELECT id FROM items ORDER BY v <-> '[500,500,500,500,500,500,500,500]'$$) \gset
SELECT :rows + :left_out AS rows, :left_out > 0 AS left_out, :probed = :lists AS all_probed,
	(:probed, :codes, :reranked, :left_out) = (lists_opened, codes_scanned, rows_bounded, rows_left_out) AS same FROM pgml.last_search();
SELECT line ~ '^ *Rows Left Out: [1-9]' AS left_out FROM explain_text($$SELECT id FROM items ORDER BY v <-> '[500,500,500,500,500,500,500,500]'$$) line WHERE line ~ 'Rows Left Out';
RESET pgml.probes; RESET pgml.refine;

\echo -- rescans: averages of the loops
SET pgml.recall = 1;
SELECT * FROM searches('SELECT a.id, b.id FROM items a CROSS JOIN LATERAL (SELECT id FROM items i ORDER BY i.v <-> a.v LIMIT 2) b WHERE a.id IN (3, 4, 5)');
SELECT * FROM searches('SELECT a.id, (SELECT id FROM items i ORDER BY i.v <-> a.v LIMIT 1) FROM items a WHERE id < 5');
SELECT * FROM searches('SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 7) LIMIT 3');
SELECT * FROM searches('WITH a AS MATERIALIZED (SELECT id FROM items ORDER BY v <-> some_vector(1) LIMIT 3), b AS MATERIALIZED (SELECT id FROM items ORDER BY v <-> some_vector(2) LIMIT 2) SELECT * FROM a, b');
SELECT * FROM searches('SELECT id FROM items ORDER BY v <-> some_vector(1) LIMIT 3 FOR UPDATE');
SELECT * FROM searches('SELECT id FROM items ORDER BY v <-> some_vector(1) LIMIT 0');
\echo -- in a worker
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
SELECT * FROM searches('SELECT id FROM items ORDER BY v <-> some_vector(1) LIMIT 3');
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query');
\echo -- partitions
CREATE TABLE parts (id int, v vector(8)) PARTITION BY RANGE (id);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (200);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (200) TO (1000);
INSERT INTO parts SELECT id, v FROM items;
CREATE INDEX ON parts USING faiss (v) WITH (factory = 'Flat');
ANALYZE parts;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM parts ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5;
\echo -- an empty index
CREATE TABLE nothing (v vector(8));
CREATE INDEX ON nothing USING faiss (v);
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT FROM nothing ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5;

\echo -- ranges, by the index and by a bitmap
CREATE TABLE near_and_far (id int PRIMARY KEY, g int, v vector(8), w vector(8));
INSERT INTO near_and_far SELECT id, g, v, some_vector(id + 1000) FROM items;
CREATE INDEX near_v ON near_and_far USING faiss (v) WITH (factory = 'IVF4,Flat');
CREATE INDEX near_w ON near_and_far USING faiss (w) WITH (factory = 'Flat');
CREATE FUNCTION range_of(q vector, r float8) RETURNS pgml.vector_range LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN ROW(q, r, false); END $$;
CREATE INDEX near_g ON near_and_far (g);
ANALYZE near_and_far;
SET enable_bitmapscan = off;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM near_and_far WHERE v <-> '[1,2,3,4,5,6,7,8]' < 1;
SET enable_bitmapscan = on; SET enable_indexscan = off;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM near_and_far WHERE v <-> '[1,2,3,4,5,6,7,8]' < 1;
SELECT * FROM searches($$SELECT id FROM near_and_far WHERE v <<->> range_of('[1,2,3,4,5,6,7,8]', 1) OR w <<->> range_of('[1,2,3,4,5,6,7,8]', 1) OR g = 11$$);
\echo -- no other bitmap
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM near_and_far WHERE g = 11;
\echo -- by parameters, again and again
SELECT * FROM searches('SELECT a.id, (SELECT count(*) FROM near_and_far i WHERE i.v <-> a.v < 1) FROM items a WHERE id < 5');
SELECT * FROM searches('SELECT a.id, (SELECT count(*) FROM near_and_far i WHERE i.v <<->> range_of(a.v, 1) OR i.w <<->> range_of(a.v, CASE WHEN a.id = 3 THEN NULL ELSE 1 END)) FROM items a WHERE id < 5');
\echo -- in workers
SET enable_indexscan = off; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
SELECT probed, lists, codes, reranked FROM searches($$SELECT count(*) FROM near_and_far WHERE v <-> '[1,2,3,4,5,6,7,8]' < 1e9$$);
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; SET max_parallel_workers_per_gather = 0;
RESET enable_indexscan; RESET enable_bitmapscan;

\echo -- a plan of the cache is not changed
SET plan_cache_mode = force_generic_plan;
PREPARE nearest(vector) AS SELECT id FROM items ORDER BY v <-> $1 LIMIT 2;
SELECT probed = lists AS ran FROM searches($$EXECUTE nearest('[1,2,3,4,5,6,7,8]')$$);
EXPLAIN (COSTS OFF) EXECUTE nearest('[1,2,3,4,5,6,7,8]');
SELECT probed = lists AS ran FROM searches($$EXECUTE nearest('[1,2,3,4,5,6,7,8]')$$);
EXECUTE nearest('[1,2,3,4,5,6,7,8]');
RESET plan_cache_mode;

\echo -- statements that auto_explain measures answer as ever
CREATE FUNCTION result(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	answer text;
BEGIN
	EXECUTE format('SELECT md5(string_agg(s::text, '','' ORDER BY n)) FROM (SELECT s, row_number() OVER () AS n FROM (%s) s) s', statement) INTO answer;
	RETURN answer;
END $$;
CREATE TABLE statements (n serial, statement text, plain text);
INSERT INTO statements (statement) VALUES
	('SELECT * FROM items ORDER BY v <-> some_vector(1) LIMIT 20'),
	('SELECT i, i.ctid, i.tableoid, i.v <-> some_vector(1) FROM items i ORDER BY i.v <-> some_vector(1)'),
	('SELECT note, NULL::int, 1, row(id, g) FROM items ORDER BY v <-> some_vector(1) OFFSET 3'),
	('SELECT a.id, b.* FROM items a CROSS JOIN LATERAL (SELECT i.id, i AS whole FROM items i WHERE i.g <> a.g ORDER BY i.v <-> a.v LIMIT 2) b WHERE a.id < 30'),
	('SELECT a.id, ARRAY(SELECT i.id FROM items i ORDER BY i.v <-> a.v LIMIT 3) FROM items a WHERE a.id < 30 ORDER BY a.id'),
	('SELECT id FROM parts ORDER BY v <-> some_vector(1) LIMIT 20'),
	('(SELECT id FROM items ORDER BY v <-> some_vector(1) LIMIT 2) UNION ALL (SELECT id FROM parts ORDER BY v <-> some_vector(2) LIMIT 2)'),
	('SELECT id, row_number() OVER (ORDER BY v <-> some_vector(1)) FROM items'),
	('WITH RECURSIVE path(id, depth) AS (SELECT 1, 0 UNION ALL SELECT n.id, depth + 1 FROM path p JOIN items a ON a.id = p.id
		CROSS JOIN LATERAL (SELECT i.id FROM items i WHERE i.id > a.id ORDER BY i.v <-> a.v LIMIT 1) n WHERE depth < 8) SELECT * FROM path'),
	('SELECT x.id FROM (SELECT id, v <-> some_vector(1) AS d FROM items ORDER BY d) x JOIN (SELECT id, v <-> some_vector(1) AS d FROM items ORDER BY d) y USING (d, id)'),
	('SELECT id, w FROM near_and_far n WHERE v <-> some_vector(1) < 900'),
	('SELECT id FROM near_and_far WHERE v <<->> range_of(some_vector(1), 900) OR w <<->> range_of(some_vector(2), 600)'),
	('SELECT a.id, (SELECT count(*) FROM near_and_far i WHERE i.v <-> a.v < a.id * 50) FROM items a WHERE id < 30 ORDER BY 1');
UPDATE statements SET plain = result(statement);
LOAD 'auto_explain';
SET auto_explain.log_analyze = on; SET auto_explain.log_nested_statements = on; SET auto_explain.log_min_duration = 0;
SELECT n, plain = result(statement) AS same, (SELECT count(*) > 0 FROM searches(statement)) AS measured FROM statements ORDER BY n;

BEGIN;
DECLARE c CURSOR FOR SELECT id, note FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5;
MOVE 2 FROM c;
UPDATE items SET note = 'current' WHERE CURRENT OF c RETURNING id = (SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' OFFSET 1 LIMIT 1) AS second;
FETCH BACKWARD 1 FROM c;
ROLLBACK;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 5;
FETCH ALL FROM c;
FETCH BACKWARD ALL FROM c;
COMMIT;
BEGIN;
DECLARE c CURSOR WITH HOLD FOR SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 3;
FETCH 1 FROM c;
COMMIT;
FETCH ALL FROM c;
CLOSE c;
BEGIN;
SET LOCAL enable_indexscan = off;
DECLARE c CURSOR FOR SELECT id FROM near_and_far WHERE v <-> some_vector(7) < 1;
FETCH 1 FROM c;
UPDATE near_and_far SET g = -1 WHERE CURRENT OF c RETURNING id;
ROLLBACK;
CREATE TABLE copies (gone int, id int, also text);
ALTER TABLE copies DROP COLUMN gone;
INSERT INTO copies (id) SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]';
INSERT INTO copies SELECT id, note FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 3 RETURNING *;
CREATE TABLE kept AS SELECT id, g, v FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 3;
SELECT count(*), (SELECT array_agg(id) FROM kept) FROM copies;
UPDATE items SET note = 'near' FROM (SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 2 FOR UPDATE) near WHERE near.id = items.id RETURNING items.id;
DELETE FROM items USING (SELECT ctid AS place FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 2) near WHERE near.place = items.ctid RETURNING id;
-- In a function, many times: what each execution made goes with it.
CREATE FUNCTION nearest_of(q vector) RETURNS int LANGUAGE sql STABLE AS 'SELECT id FROM items ORDER BY v <-> q LIMIT 1';
SELECT sum(nearest_of(v)) = sum(id) AS own FROM items WHERE id < 100;
SET auto_explain.log_min_duration = -1;

SET client_min_messages = warning;
DROP SCHEMA faiss_explain CASCADE;
