-- An index that is made before its rows: VACUUM trains it.
CREATE SCHEMA faiss_grow;
SET search_path = faiss_grow, public;
SET max_parallel_maintenance_workers = 0;
SET jit = off; -- plans that avoid a disabled node look dear
CREATE TABLE grown (id int, topic int, v vector(12), a real[]);
CREATE INDEX grown_l2 ON grown USING faiss (v vector_l2_ops);
CREATE INDEX grown_cosine ON grown USING faiss (v vector_cosine_ops) WITH (lists = 20);
CREATE INDEX grown_ip ON grown USING faiss (v vector_ip_ops) WITH (factory = 'IVF16,Flat');
CREATE INDEX grown_real ON grown USING faiss (a real_l2_ops) WITH (factory = 'IVF,SQ8');

-- Clusters; every third coordinate is one of the cluster alone.
CREATE FUNCTION grown_vector(i int) RETURNS real[] IMMUTABLE LANGUAGE sql AS $$
	SELECT array_agg((sin((i % 60) * 7.3 + j * 1.7) + CASE WHEN j % 3 = 0 THEN 0 ELSE 0.2 * sin(i * 0.37 + j * j * i) END)::real ORDER BY j)
	FROM generate_series(1, 12) j
$$;
INSERT INTO grown SELECT i, i % 7, CASE WHEN i % 500 <> 0 THEN grown_vector(i)::vector END, grown_vector(i) FROM generate_series(1, 9000) i;
VACUUM grown;
SELECT c.relname, info.lists, info.rows, info.advice FROM pg_class c, pgml.index_info(c.oid::regclass) info WHERE relkind = 'i' AND relname LIKE 'grown\_%' ORDER BY 1;

INSERT INTO grown SELECT i, i % 7, CASE WHEN i % 500 <> 0 THEN grown_vector(i)::vector END, grown_vector(i) FROM generate_series(9001, 12000) i;
DELETE FROM grown WHERE id % 10 = 4;
SELECT c.relname, info.lists, info.rows, info.advice FROM pg_class c, pgml.index_info(c.oid::regclass) info WHERE relkind = 'i' AND relname LIKE 'grown\_%' ORDER BY 1;

-- What a search finds by each index, and what a sequential scan finds.
CREATE TABLE grown_queries AS SELECT id, v, a FROM grown WHERE id % 997 = 5;
CREATE FUNCTION grown_differences(recall float8) RETURNS TABLE (operator text, queries bigint, differences bigint) LANGUAGE plpgsql AS $$
DECLARE
	op text;
	statement text;
BEGIN
	PERFORM set_config('pgml.recall', recall::text, true);
	FOREACH op IN ARRAY ARRAY['v <-> q.v', 'v <=> q.v', 'v <#> q.v', 'a <-> q.a'] LOOP
		statement := format('SELECT q.id, array(SELECT round((%1$s)::numeric, 6) FROM grown g WHERE v IS NOT NULL ORDER BY g.%1$s LIMIT 20) FROM grown_queries q', op);
		PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'on', true), set_config('enable_sort', 'off', true);
		EXECUTE 'CREATE TEMP TABLE by_index AS ' || statement;
		PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true), set_config('enable_sort', 'on', true);
		EXECUTE 'CREATE TEMP TABLE by_table AS ' || statement;
		operator := op;
		SELECT count(*), count(*) FILTER (WHERE i.array <> t.array) INTO queries, differences FROM by_index i JOIN by_table t USING (id);
		DROP TABLE by_index, by_table;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT * FROM grown_differences(1);

VACUUM grown;
SELECT c.relname, info.factory, info.lists, info.rows, info.built_rows, info.advice FROM pg_class c, pgml.index_info(c.oid::regclass) info WHERE relkind = 'i' AND relname LIKE 'grown\_%' ORDER BY 1;
SELECT * FROM grown_differences(1);

-- With the recall that is asked for, measured while it grew.
SELECT jsonb_array_length(recall_curve) > 1 AS measured, (recall_curve -> -1 ->> 'recall')::float8 > 0.95 AS reaches FROM pgml.index_info('grown_l2');
SET enable_seqscan = off;
SET enable_sort = off;
SELECT count(*) FROM grown_queries q, LATERAL (SELECT id FROM grown g ORDER BY g.v <-> q.v LIMIT 1) n WHERE n.id = q.id;
SELECT lists_opened < 100 AS some_lists FROM pgml.last_search();
RESET enable_seqscan;
RESET enable_sort;

-- It goes on as any other index: inserts, deletes, VACUUM; it grows once.
INSERT INTO grown SELECT i, i % 7, grown_vector(i)::vector, grown_vector(i) FROM generate_series(12001, 13000) i;
DELETE FROM grown WHERE id % 2 = 0;
VACUUM grown;
SELECT * FROM grown_differences(1);
SELECT lists, rows, built_rows FROM pgml.index_info('grown_l2');
-- The old list's pages serve new rows.
SELECT pages AS pages_before FROM pgml.index_info('grown_l2') \gset
SELECT txid_current() > 0 AS next;
VACUUM grown;
INSERT INTO grown SELECT i, i % 7, grown_vector(i)::vector, grown_vector(i) FROM generate_series(13001, 14000) i;
SELECT pages <= :pages_before AS reused FROM pgml.index_info('grown_l2');

-- Fewer rows than half of what recall was measured with.
DELETE FROM grown WHERE id > 9000;
VACUUM grown;
SELECT pgml.reindex_advice('grown_l2');
REINDEX INDEX grown_l2;
SELECT pgml.reindex_advice('grown_l2');

-- Indexes that stay as they are: no lists, few rows, rows in 8 bits that cannot become floats again. One list is enough for codes.
CREATE TABLE kept (id int, v vector(3));
CREATE INDEX kept_flat ON kept USING faiss (v vector_l2_ops) WITH (factory = 'Flat');
CREATE INDEX kept_part ON kept USING faiss (v vector_l2_ops) WHERE id < 1000;
CREATE INDEX kept_one ON kept USING faiss (v vector_l2_ops) WITH (lists = 1);
CREATE INDEX kept_eight ON kept USING faiss (v vector_l2_ops);
INSERT INTO kept SELECT i, ARRAY[sin(i), cos(i * 3), i % 10]::real[]::vector FROM generate_series(1, 10500) i;
ALTER INDEX kept_eight SET (factory = 'IVF,Flat');
VACUUM kept;
SELECT c.relname, info.factory, info.lists, info.rows, info.advice FROM pg_class c, pgml.index_info(c.oid::regclass) info WHERE relkind = 'i' AND relname LIKE 'kept\_%' ORDER BY 1;

-- An unlogged table and a temporary one.
CREATE UNLOGGED TABLE unlogged_grown AS SELECT * FROM kept LIMIT 0;
CREATE TEMP TABLE temp_grown AS SELECT * FROM kept LIMIT 0;
CREATE INDEX unlogged_v ON unlogged_grown USING faiss (v vector_l2_ops);
CREATE INDEX temp_v ON temp_grown USING faiss (v vector_l2_ops);
INSERT INTO unlogged_grown SELECT * FROM kept;
INSERT INTO temp_grown SELECT * FROM kept;
VACUUM unlogged_grown, temp_grown;
SELECT lists > 1 AS grew FROM pgml.index_info('unlogged_v') UNION ALL SELECT lists > 1 FROM pgml.index_info('temp_v');
SET client_min_messages = warning;
DROP SCHEMA faiss_grow CASCADE;
