-- The access method faiss: what an index answers, against the same query without it.
CREATE SCHEMA faiss_test;
SET search_path = faiss_test, public;
SET max_parallel_maintenance_workers = 0;
SET jit = off; -- plans that avoid a disabled node look dear
-- Pseudo-random, the same on every machine.
CREATE FUNCTION noise(seed bigint) RETURNS real LANGUAGE sql IMMUTABLE AS
	$$ SELECT ((hashint8extended(seed, 7) & 16777215)::float8 / 16777216 - 0.4)::real $$;
CREATE FUNCTION some_vector(i bigint, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg((noise(i * 10000 + j) + 2 * noise(-(i % 17) * 100 - j % 5))::real ORDER BY j)::vector FROM generate_series(1, dims) j $$;
-- Runs a query over table "items" with the index and without: the share of rows that are as near as those without, and whether
-- distances ascend. Distances count, not rows: equal ones may come in any order.
CREATE FUNCTION compare(operator text, k int, column_name text DEFAULT 'v', queries int DEFAULT 20)
	RETURNS TABLE (share_found numeric, in_order boolean, used_index boolean) LANGUAGE plpgsql AS $$
DECLARE
	q text; plan text; expected float8[]; got float8[]; hits int = 0; wanted int = 0;
	statement text = format('SELECT %I %s %%L AS d FROM items WHERE %I IS NOT NULL ORDER BY %I %s %%L LIMIT %s',
		column_name, operator, column_name, column_name, operator, k);
BEGIN
	in_order := true; used_index := true;
	FOR i IN 1 .. queries LOOP
		EXECUTE format('SELECT %I FROM items WHERE id = $1', column_name) INTO q USING i * 7;
		SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = on;
		EXECUTE 'SELECT array_agg(d) FROM (' || format(statement, q, q) || ') s' INTO expected;
		SET LOCAL enable_indexscan = on; SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;
		EXECUTE 'SELECT array_agg(d) FROM (' || format(statement, q, q) || ') s' INTO got;
		EXECUTE 'EXPLAIN (COSTS OFF, FORMAT json) ' || format(statement, q, q) INTO plan;
		used_index := used_index AND plan LIKE '%Index Scan%';
		IF cardinality(got) > cardinality(expected) THEN RAISE EXCEPTION '% rows instead of %', cardinality(got), cardinality(expected); END IF;
		wanted := wanted + cardinality(expected);
		hits := hits + (SELECT count(*) FROM unnest(got) d WHERE d <= expected[cardinality(expected)]);
		in_order := in_order AND (SELECT bool_and(d >= before) IS NOT FALSE FROM
			(SELECT d, lag(d) OVER (ORDER BY n) AS before FROM unnest(got) WITH ORDINALITY t(d, n)) s WHERE before IS NOT NULL);
	END LOOP;
	share_found := round(hits::numeric / wanted, 4);
	RETURN NEXT;
END $$;

CREATE TABLE items (id int PRIMARY KEY, v vector(24), r real[], g int);
INSERT INTO items SELECT i, some_vector(i, 24), NULL, i % 100 FROM generate_series(1, 3000) i;
UPDATE items SET r = v::real[];
INSERT INTO items VALUES (3001, NULL, NULL, 1), (3002, NULL, NULL, 2);
ANALYZE items;

\echo -- the planner takes it for a small LIMIT, and not beside a selective predicate
CREATE INDEX items_v ON items USING faiss (v);
EXPLAIN (COSTS OFF) SELECT id FROM items ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24]' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE id < 10 ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24]' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT count(*) FROM items;
PREPARE nearest AS SELECT id FROM items ORDER BY v <-> $1 LIMIT 1;
SELECT format('EXECUTE nearest(%L)', v) FROM items WHERE id = 42 \gexec

\echo -- every factory, every metric: exact when everything is looked at
SET pgml.recall = 1;
SELECT * FROM compare('<->', 10);
SELECT * FROM compare('<->', 5000, queries => 2);
DROP INDEX items_v;
CREATE INDEX ON items USING faiss (v vector_ip_ops);
SELECT * FROM compare('<#>', 10);
CREATE INDEX ON items USING faiss (v vector_cosine_ops) WITH (lists = 20);
SELECT * FROM compare('<=>', 10);
CREATE INDEX ON items USING faiss (r);
SELECT * FROM compare('<->', 10, 'r');
CREATE INDEX ON items USING faiss (r real_ip_ops);
SELECT * FROM compare('<#>', 10, 'r');
CREATE INDEX ON items USING faiss (r real_cosine_ops);
SELECT * FROM compare('<=>', 10, 'r');
DO $$
DECLARE
	factory text; result record;
BEGIN
	FOREACH factory IN ARRAY ARRAY['Flat', 'IVF30,Flat', 'IVF,SQ8', 'IVF16,PQ12x4fs', 'IVF,PQx4fs,RFlat', 'IVF16,PQ24x4fs,Refine(SQ8)'] LOOP
		EXECUTE format('CREATE INDEX items_f ON items USING faiss (v) WITH (factory = %L)', factory);
		PERFORM set_config('pgml.recall', '1', true);
		SELECT * INTO result FROM compare('<->', 10);
		RAISE NOTICE '% at recall 1: %', factory, result;
		PERFORM set_config('pgml.recall', '0.95', true);
		SELECT * INTO result FROM compare('<->', 10);
		RAISE NOTICE '% at recall 0.95: %', factory, (result.share_found > 0.85, result.in_order, result.used_index);
		DROP INDEX items_f;
	END LOOP;
END $$;

\echo -- it goes on as long as rows are asked for, with little memory too
CREATE INDEX items_v ON items USING faiss (v) WITH (factory = 'IVF30,PQ12x4fs');
RESET pgml.recall;
SELECT share_found > 0.9, in_order, used_index FROM compare('<->', 5000, queries => 3);
SET work_mem = '64kB';
SELECT share_found > 0.9, in_order, used_index FROM compare('<->', 5000, queries => 3);
SET pgml.recall = 1;
SELECT * FROM compare('<->', 5000, queries => 3);
RESET pgml.recall;
SET pgml.probes = 1;
SET pgml.refine = 10;
SELECT in_order, used_index FROM compare('<->', 5000, queries => 3);
SET pgml.iterative_scan = relaxed_order;
SELECT share_found FROM compare('<->', 5000, queries => 3);
RESET work_mem;
SELECT index, lists_opened, rows_bounded <= rows_returned * 2, rows_left_out FROM pgml.last_search();
RESET pgml.iterative_scan;
SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 5) LIMIT 1;
SELECT lists_opened, rows_bounded, rows_left_out FROM pgml.last_search();
RESET pgml.probes; RESET pgml.refine;
SET enable_seqscan = off; SET enable_sort = off;
SELECT count(*) FROM (SELECT id FROM items WHERE g = 7 ORDER BY v <-> (SELECT v FROM items WHERE id = 5) LIMIT 10) s;
RESET pgml.iterative_scan;
SELECT count(*) FROM (SELECT id FROM items WHERE g = 7 ORDER BY v <-> (SELECT v FROM items WHERE id = 5) LIMIT 10) s;
\echo -- a range is a filter
SET pgml.recall = 1;
SELECT count(*), bool_and(d < 2.5) FROM (SELECT v <-> (SELECT v FROM items WHERE id = 5) AS d FROM items WHERE v <-> (SELECT v FROM items WHERE id = 5) < 2.5
	ORDER BY v <-> (SELECT v FROM items WHERE id = 5)) s;
SET enable_indexscan = off;
SELECT count(*) FROM items WHERE v <-> (SELECT v FROM items WHERE id = 5) < 2.5;
RESET enable_indexscan;

\echo -- joins, LATERAL, cursors
EXPLAIN (COSTS OFF) SELECT a.id, b.id FROM items a CROSS JOIN LATERAL (SELECT id FROM items i ORDER BY i.v <-> a.v LIMIT 2) b WHERE a.id IN (3, 4);
SELECT a.id, min(b.id) AS itself FROM items a CROSS JOIN LATERAL (SELECT id FROM items i ORDER BY i.v <-> a.v LIMIT 1) b WHERE a.id <= 200 GROUP BY a.id HAVING min(b.id) <> a.id;
SELECT a.id, count(b.id) FROM items a LEFT JOIN LATERAL (SELECT id FROM items i ORDER BY i.v <-> a.v LIMIT 3) b ON true WHERE a.id >= 3000 GROUP BY a.id ORDER BY a.id;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 9);
FETCH 1 FROM c;
MOVE 100 IN c;
DELETE FROM items WHERE id % 5 = 0;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> (SELECT v FROM items WHERE id = 9)) s;
FETCH BACKWARD 1 FROM c;
ROLLBACK;
\echo -- NULL as the query: rows in any order
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> NULL::vector) s;
SET work_mem = '64kB';
SELECT count(DISTINCT id) FROM (SELECT id FROM items ORDER BY v <-> (SELECT NULL::vector)) s;
RESET work_mem;

\echo -- writes
INSERT INTO items SELECT i, some_vector(i, 24), NULL, i % 100 FROM generate_series(4001, 6000) i;
RESET enable_seqscan; RESET enable_sort;
SELECT * FROM compare('<->', 10);
SELECT * FROM compare('<->', 10000, queries => 2);
DELETE FROM items WHERE id % 4 <> 3;
INSERT INTO items SELECT i, some_vector(i, 24), NULL, i % 100 FROM generate_series(7, 140, 7) i WHERE i % 4 <> 3;
SELECT * FROM compare('<->', 10);
VACUUM items;
SELECT * FROM compare('<->', 10);
SELECT * FROM compare('<->', 10000, queries => 2);
SELECT rows, dead_rows < 700 AS compacted, dimensions, lists, factory, metric, built_rows, drift > 0 AS drift, jsonb_array_length(recall_curve) > 0 AS curve, advice
	FROM pgml.index_info('items_v');
SELECT pages FROM pgml.index_info('items_v') \gset
VACUUM items;
-- Pages of old chains are used again: space does not grow.
DO $$ BEGIN FOR i IN 1 .. 3 LOOP
	INSERT INTO items SELECT 10000 * i + n, some_vector(n, 24), NULL, 0 FROM generate_series(1, 500) n;
END LOOP; END $$;
SELECT * FROM compare('<->', 10);
SELECT pages <= :pages AS reused FROM pgml.index_info('items_v');
REINDEX INDEX items_v;
SELECT * FROM compare('<->', 10);
REINDEX INDEX CONCURRENTLY items_v;
SELECT * FROM compare('<->', 10);
\echo -- after TRUNCATE, and in an index that was made without rows
TRUNCATE items;
SELECT count(*) FROM (SELECT id FROM items ORDER BY v <-> some_vector(1, 24) LIMIT 5) s;
INSERT INTO items SELECT i, some_vector(i, 24), NULL, i % 100 FROM generate_series(1, 1200) i;
SELECT * FROM compare('<->', 10);
SELECT factory, rows, built_rows, inserted_rows FROM pgml.index_info('items_v');
SELECT pgml.reindex_advice('items_v') IS NULL AS nothing_to_do;
SET client_min_messages = warning;
DROP SCHEMA faiss_test CASCADE;
