-- The access method faiss: sizes at their limits, odd data, refusals.
CREATE SCHEMA faiss_edges;
SET search_path = faiss_edges, public;
SET max_parallel_maintenance_workers = 0;
SET jit = off; -- plans that avoid a disabled node look dear
SET pgml.recall = 1;
CREATE FUNCTION long_vector(i int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg(((i * 7919 + j * 104729 + (i * j) % 127) % 1000)::real ORDER BY j)::vector FROM generate_series(1, dims) j $$;
-- Is every row its own nearest neighbour, and does the index agree with the table in all it returns?
CREATE FUNCTION agrees(operator text DEFAULT '<->') RETURNS TABLE (self bigint, rows bigint, same boolean) LANGUAGE plpgsql AS $$
DECLARE
	q text; a text; b text; all_rows text = 'SELECT md5(string_agg(d::text, '','' ORDER BY n)) FROM (SELECT v %s %L AS d, row_number() OVER () AS n FROM (SELECT v FROM t WHERE v IS NOT NULL ORDER BY v %s %L OFFSET 0) x) s';
BEGIN
	SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;
	EXECUTE format('SELECT count(*) FROM (SELECT id FROM t WHERE v IS NOT NULL ORDER BY id LIMIT 20) a WHERE EXISTS '
		'(SELECT 1 FROM (SELECT v FROM t b ORDER BY b.v %s (SELECT v FROM t c WHERE c.id = a.id) LIMIT 1) n WHERE n.v = (SELECT v FROM t c WHERE c.id = a.id))', operator) INTO self;
	SELECT v INTO q FROM t WHERE v IS NOT NULL ORDER BY id LIMIT 1;
	EXECUTE format('SELECT count(*) FROM (SELECT 1 FROM t ORDER BY v %s %L) s', operator, q) INTO rows;
	EXECUTE format(all_rows, operator, q, operator, q) INTO a;
	SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = on; SET LOCAL enable_sort = on;
	EXECUTE format(all_rows, operator, q, operator, q) INTO b;
	same := a = b;
	RETURN NEXT;
END $$;

\echo -- dimensions
CREATE TABLE t (id serial, v vector);
INSERT INTO t (v) SELECT long_vector(i, 1) FROM generate_series(1, 300) i;
CREATE INDEX t_v ON t USING faiss (v);
SELECT * FROM agrees();
INSERT INTO t (v) VALUES ('[1,2]');
SELECT id FROM t ORDER BY v <-> '[1,2]';
DO $$
DECLARE
	dims int; factory text; result record; n int;
BEGIN
	FOREACH dims IN ARRAY ARRAY[2, 33, 960, 4096, 8000] LOOP
		FOREACH factory IN ARRAY ARRAY['', 'IVF4,PQx4fs,RFlat', 'IVF4,SQ8', 'Flat'] LOOP
			CONTINUE WHEN dims > 960 AND factory IN ('IVF4,SQ8', 'Flat');
			n := CASE WHEN dims > 500 THEN 40 ELSE 200 END;
			TRUNCATE t;
			DROP INDEX t_v;
			INSERT INTO t (v) SELECT long_vector(i, dims) FROM generate_series(1, n) i;
			EXECUTE format('CREATE INDEX t_v ON t USING faiss (v) WITH (factory = %L)', factory);
			INSERT INTO t (v) SELECT long_vector(i, dims) FROM generate_series(n + 1, n + 20) i;
			SELECT * INTO result FROM agrees();
			RAISE NOTICE '% "%": %', dims, factory, result;
		END LOOP;
	END LOOP;
END $$;
-- With so little memory that rows go to temporary files on their way to the lists.
SET maintenance_work_mem = '1MB';
TRUNCATE t;
DROP INDEX t_v;
INSERT INTO t (v) SELECT long_vector(i, 700) FROM generate_series(1, 500) i;
CREATE INDEX t_v ON t USING faiss (v) WITH (factory = 'IVF9,PQx4fs,RFlat');
SELECT * FROM agrees();
RESET maintenance_work_mem;
INSERT INTO t (v) SELECT long_vector(1, 8001);
TRUNCATE t;
INSERT INTO t (v) SELECT long_vector(1, 8001);
DROP INDEX t_v;
INSERT INTO t (v) SELECT long_vector(1, 8001);
CREATE INDEX t_v ON t USING faiss (v);
CREATE TABLE wide (v vector(8001));
CREATE INDEX ON wide USING faiss (v);

\echo -- equal rows, fewer rows than lists, values far apart
TRUNCATE t;
INSERT INTO t (v) SELECT '[1,2,3]' FROM generate_series(1, 2000);
CREATE INDEX t_v ON t USING faiss (v);
SELECT * FROM agrees();
RESET pgml.recall;
SELECT * FROM agrees();
SET pgml.recall = 1;
DROP INDEX t_v;
CREATE INDEX t_v ON t USING faiss (v) WITH (factory = 'IVF50,PQ3x4fs');
SELECT * FROM agrees();
DROP INDEX t_v;
TRUNCATE t;
INSERT INTO t (v) SELECT ARRAY[i, i * i, 1]::vector FROM generate_series(1, 30) i;
CREATE INDEX t_v ON t USING faiss (v) WITH (lists = 100);
SELECT * FROM agrees();
DROP INDEX t_v;
INSERT INTO t (v) SELECT ARRAY[i * 1e-30, 1e18 / i, -i]::vector FROM generate_series(1, 300) i;
INSERT INTO t (v) VALUES ('[0,0,0]'), (NULL);
CREATE INDEX t_v ON t USING faiss (v);
SELECT * FROM agrees();
DROP INDEX t_v;
CREATE INDEX t_v ON t USING faiss (v vector_ip_ops);
SELECT * FROM agrees('<#>');
\echo -- cosine leaves out zero vectors; a zero vector as query is as far from everything
DROP INDEX t_v;
CREATE INDEX t_v ON t USING faiss (v vector_cosine_ops);
INSERT INTO t (v) VALUES ('[0,0,0]');
SET enable_seqscan = off; SET enable_sort = off;
SELECT count(*), count(DISTINCT d), min(d) FROM (SELECT v <=> '[0,0,0]' AS d FROM t ORDER BY v <=> '[0,0,0]') s;
SELECT rows FROM pgml.index_info('t_v');

\echo -- expression and partial indexes, temporary and unlogged tables
CREATE TABLE halves (id int, v vector(8), g int);
INSERT INTO halves SELECT i, long_vector(i, 8), i % 3 FROM generate_series(1, 500) i;
CREATE INDEX ON halves USING faiss ((subvector(v, 1, 4)::vector(4)));
CREATE INDEX ON halves USING faiss (v) WHERE g = 1;
EXPLAIN (COSTS OFF) SELECT id FROM halves ORDER BY subvector(v, 1, 4)::vector(4) <-> '[1,2,3,4]' LIMIT 3;
SELECT count(*) FROM (SELECT id FROM halves ORDER BY subvector(v, 1, 4)::vector(4) <-> '[1,2,3,4]') s;
EXPLAIN (COSTS OFF) SELECT id FROM halves WHERE g = 1 ORDER BY v <-> '[1,2,3,4,5,6,7,8]' LIMIT 3;
SELECT count(*) FROM (SELECT id FROM halves WHERE g = 1 ORDER BY v <-> '[1,2,3,4,5,6,7,8]') s;
CREATE TEMPORARY TABLE passing (id int, v vector(8));
CREATE INDEX ON passing USING faiss (v);
INSERT INTO passing SELECT i, long_vector(i, 8) FROM generate_series(1, 500) i;
SELECT id FROM passing ORDER BY v <-> long_vector(33, 8) LIMIT 1;
CREATE UNLOGGED TABLE fast (id int, v vector(8));
INSERT INTO fast SELECT i, long_vector(i, 8) FROM generate_series(1, 500) i;
CREATE INDEX ON fast USING faiss (v);
SELECT id FROM fast ORDER BY v <-> long_vector(33, 8) LIMIT 1;

\echo -- refusals
\set VERBOSITY default
CREATE INDEX ON halves USING faiss (v) WITH (factory = 'HNSW32');
CREATE INDEX ON halves USING faiss (v) WITH (factory = 'IVF0,PQ4x4fs');
CREATE INDEX ON halves USING faiss (v) WITH (factory = 'IVF4,PQ9x4fs');
CREATE INDEX ON halves USING faiss (v) WITH (lists = 70000);
CREATE INDEX ON halves USING faiss (v) WITH (factory = 'Flat', lists = 3);
CREATE INDEX ON halves USING faiss (v) WITH (factory = 'IVF4,SQ8', lists = 3);
CREATE INDEX ON halves USING faiss (v) WITH (probes = 3);
CREATE UNIQUE INDEX ON halves USING faiss (v);
CREATE INDEX ON halves USING faiss (v, g);
CREATE INDEX ON halves USING faiss (g);
CREATE INDEX ON halves USING faiss (v) INCLUDE (g);
SELECT id FROM halves ORDER BY v <-> '[1,2]' LIMIT 1;
SET pgml.recall = 0.3;
SET pgml.iterative_scan = off;
SELECT pgml.index_info('halves');
SELECT pgml.reindex_advice('pg_class_oid_index');
SELECT '{1,2}'::real[] <-> '{1,2,3}'::real[];
SELECT '{1,NULL}'::real[] <-> '{1,2}'::real[];
SELECT '{1,NaN}'::real[] <=> '{1,2}'::real[];
SELECT '{{1},{2}}'::real[] <#> '{1,2}'::real[];
SELECT '{3,4}'::real[] <-> '{0,0}'::real[], '{3,4}'::real[] <#> '{1,2}', '{1,0}' <=> '{0,1}'::real[];
SELECT opcname, amvalidate(oid) FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'faiss') ORDER BY opcname;
CREATE ROLE faiss_reader;
GRANT USAGE ON SCHEMA faiss_edges TO faiss_reader;
SET ROLE faiss_reader;
SELECT rows FROM pgml.index_info('faiss_edges.t_v');
RESET ROLE;
SET client_min_messages = warning;
DROP SCHEMA faiss_edges CASCADE;
DROP ROLE faiss_reader;
