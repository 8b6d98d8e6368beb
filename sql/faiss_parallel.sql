-- A faiss index built with parallel workers, for every kind of table and index: what it answers, against the same query without it.
CREATE SCHEMA faiss_parallel;
SET search_path = faiss_parallel, public;
SET jit = off; -- plans that avoid a disabled node look dear
SET pgml.recall = 1;
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
SET client_min_messages = warning;
CREATE FUNCTION some_vector(i int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
	$$ SELECT array_agg(((i * 7919 + j * 104729 + (i * j) % 127) % 1000)::real ORDER BY j)::vector FROM generate_series(1, dims) j $$;
-- All distances in the order of the index and in that of a sort: rows, and are they the same?
CREATE FUNCTION agrees(relation text, expression text, operator text, query text, condition text DEFAULT 'true')
	RETURNS TABLE (rows bigint, same boolean, used_index boolean) LANGUAGE plpgsql AS $$
DECLARE
	a text; b text; plan text;
	statement text = format('SELECT count(*), md5(string_agg(d::text, '','' ORDER BY n)) FROM (SELECT d, row_number() OVER () AS n FROM
		(SELECT %s %s %L AS d FROM %s WHERE %s ORDER BY %s %s %L OFFSET 0) s) s', expression, operator, query, relation, condition, expression, operator, query);
BEGIN
	SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off;
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	used_index := plan LIKE '%Index Scan%';
	EXECUTE statement INTO rows, a;
	SET LOCAL enable_indexscan = off; SET LOCAL enable_seqscan = on; SET LOCAL enable_sort = on;
	EXECUTE statement INTO rows, b;
	same := a = b;
	RETURN NEXT;
END $$;

CREATE TABLE t (id int, v vector(12), r real[], g int) WITH (parallel_workers = 2, fillfactor = 60);
INSERT INTO t SELECT i, some_vector(i, 12), NULL, i % 5 FROM generate_series(1, 3000) i;
UPDATE t SET r = v::real[];
DELETE FROM t WHERE id % 7 = 0;
UPDATE t SET g = g + 1 WHERE id % 3 = 0; -- some within their page: chains of versions
INSERT INTO t VALUES (3001, NULL, NULL, 1), (3002, NULL, NULL, 2);
\set q [500,0,500,0,500,0,500,0,500,0,500,0]
\set qr {500,0,500,0,500,0,500,0,500,0,500,0}

\echo -- both types, all kinds of index
CREATE INDEX t_v ON t USING faiss (v);
SELECT * FROM agrees('t', 'v', '<->', :'q', 'v IS NOT NULL');
SELECT rows, inserted_rows FROM pgml.index_info('t_v');
DROP INDEX t_v;
CREATE INDEX t_v ON t USING faiss (v) WITH (factory = 'IVF16,PQ6x4fs');
SELECT * FROM agrees('t', 'v', '<->', :'q', 'v IS NOT NULL');
DROP INDEX t_v;
CREATE INDEX t_v ON t USING faiss (v vector_ip_ops) WITH (factory = 'IVF16,Flat');
SELECT * FROM agrees('t', 'v', '<#>', :'q', 'v IS NOT NULL');
DROP INDEX t_v;
CREATE INDEX t_v ON t USING faiss (v vector_cosine_ops) WITH (factory = 'Flat');
SELECT * FROM agrees('t', 'v', '<=>', :'q', 'v IS NOT NULL');
DROP INDEX t_v;
CREATE INDEX t_r ON t USING faiss (r);
SELECT * FROM agrees('t', 'r', '<->', :'qr', 'r IS NOT NULL');
DROP INDEX t_r;

\echo -- with little memory, each participant has several temporary files
SET maintenance_work_mem = '1MB';
CREATE TABLE wide (id int, v vector(700)) WITH (parallel_workers = 2);
INSERT INTO wide SELECT i, some_vector(i, 700) FROM generate_series(1, 900) i;
CREATE INDEX ON wide USING faiss (v) WITH (factory = 'IVF9,PQx4fs,RFlat');
SELECT * FROM agrees('wide', 'v', '<->', some_vector(1, 700)::text);
RESET maintenance_work_mem;

\echo -- again, and while others write
CREATE INDEX t_v ON t USING faiss (v);
REINDEX INDEX t_v;
SELECT * FROM agrees('t', 'v', '<->', :'q', 'v IS NOT NULL');
REINDEX INDEX CONCURRENTLY t_v;
SELECT * FROM agrees('t', 'v', '<->', :'q', 'v IS NOT NULL');
DROP INDEX t_v;
CREATE INDEX CONCURRENTLY t_v ON t USING faiss (v);
SELECT * FROM agrees('t', 'v', '<->', :'q', 'v IS NOT NULL');
INSERT INTO t SELECT i, some_vector(i, 12), NULL, i % 5 FROM generate_series(4001, 4100) i;
SELECT * FROM agrees('t', 'v', '<->', :'q', 'v IS NOT NULL');
VACUUM FULL t;
SELECT * FROM agrees('t', 'v', '<->', :'q', 'v IS NOT NULL');
ALTER TABLE t ALTER v TYPE vector(4) USING subvector(v, 1, 4);
SELECT * FROM agrees('t', 'v', '<->', '[1,2,3,4]', 'v IS NOT NULL');
TRUNCATE t;
SELECT * FROM agrees('t', 'v', '<->', '[1,2,3,4]', 'v IS NOT NULL');

\echo -- rows of the same transaction, of a rolled back one, of subtransactions
DROP INDEX t_v;
BEGIN;
INSERT INTO t SELECT i, some_vector(i, 4) FROM generate_series(1, 1000) i;
SAVEPOINT a;
INSERT INTO t SELECT i, some_vector(i, 4) FROM generate_series(1001, 1500) i;
ROLLBACK TO a;
SAVEPOINT b;
INSERT INTO t SELECT i, some_vector(i, 4) FROM generate_series(1501, 2000) i;
DELETE FROM t WHERE id < 100;
CREATE INDEX t_v ON t USING faiss (v);
SELECT * FROM agrees('t', 'v', '<->', '[1,2,3,4]');
COMMIT;
SELECT * FROM agrees('t', 'v', '<->', '[1,2,3,4]');

\echo -- partial and expression indexes; a function that workers must not call
CREATE INDEX t_partial ON t USING faiss (v) WHERE id % 2 = 0;
DROP INDEX t_v;
SELECT * FROM agrees('t', 'v', '<->', '[1,2,3,4]', 'id % 2 = 0');
DROP INDEX t_partial;
CREATE INDEX t_half ON t USING faiss ((subvector(v, 1, 2)::vector(2)));
SELECT * FROM agrees('t', 'subvector(v, 1, 2)::vector(2)', '<->', '[1,2]');
DROP INDEX t_half;
CREATE FUNCTION leader_only(v vector) RETURNS vector(4) LANGUAGE plpgsql IMMUTABLE PARALLEL RESTRICTED AS $$ BEGIN RETURN v; END $$;
CREATE INDEX t_function ON t USING faiss ((leader_only(v)::vector(4)));
SELECT * FROM agrees('t', 'leader_only(v)::vector(4)', '<->', '[1,2,3,4]');
DROP INDEX t_function;

\echo -- partitions, unlogged and temporary tables, hardly any rows, none
CREATE TABLE parts (id int, v vector(4)) PARTITION BY RANGE (id);
CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (1000) WITH (parallel_workers = 1);
CREATE TABLE parts_high PARTITION OF parts FOR VALUES FROM (1000) TO (2000) WITH (parallel_workers = 2);
INSERT INTO parts SELECT i, some_vector(i, 4) FROM generate_series(0, 1999) i;
CREATE INDEX parts_v ON parts USING faiss (v);
SELECT * FROM agrees('parts', 'v', '<->', '[1,2,3,4]');
SELECT rows FROM pgml.index_info('parts_low_v_idx') UNION ALL SELECT rows FROM pgml.index_info('parts_high_v_idx');
CREATE UNLOGGED TABLE fast WITH (parallel_workers = 2) AS SELECT * FROM parts;
CREATE INDEX ON fast USING faiss (v);
SELECT * FROM agrees('fast', 'v', '<->', '[1,2,3,4]');
CREATE TEMPORARY TABLE passing WITH (parallel_workers = 2) AS SELECT * FROM parts;
CREATE INDEX ON passing USING faiss (v);
SELECT * FROM agrees('passing', 'v', '<->', '[1,2,3,4]');
CREATE TABLE few (v vector(4)) WITH (parallel_workers = 2);
CREATE INDEX few_v ON few USING faiss (v);
DROP INDEX few_v;
INSERT INTO few VALUES (NULL), ('[1,2,3,4]');
CREATE INDEX few_v ON few USING faiss (v);
SELECT * FROM agrees('few', 'v', '<->', '[1,2,3,4]', 'v IS NOT NULL');
DROP INDEX few_v;
SET max_parallel_maintenance_workers = 0;
CREATE INDEX few_v ON few USING faiss (v);
SELECT * FROM agrees('few', 'v', '<->', '[1,2,3,4]', 'v IS NOT NULL');

\echo -- other dimensions, an error in a function: as without workers
SET max_parallel_maintenance_workers = 2;
DROP INDEX few_v;
ALTER TABLE few ALTER v TYPE vector;
INSERT INTO few SELECT '[1,2,3]' FROM generate_series(1, 3000) i;
CREATE INDEX few_v ON few USING faiss (v);
CREATE FUNCTION refuses(v vector) RETURNS vector(4) LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
	$$ BEGIN IF v IS NULL THEN RAISE EXCEPTION 'no vector' USING ERRCODE = '22004'; END IF; RETURN '[1,2,3,4]'; END $$;
\set VERBOSITY sqlstate
CREATE INDEX ON few USING faiss ((refuses(v)::vector(4)));
\set VERBOSITY default

\echo -- a prediction column: a deployment builds it anew in its transaction, workers predict with what it deploys
SELECT pgml.load_dataset('iris') \g (format=unaligned tuples_only) /dev/null
CREATE VIEW measures AS SELECT sepal_length, sepal_width, petal_length, petal_width FROM pgml.iris;
CREATE VIEW some_measures AS SELECT * FROM measures WHERE petal_length > 3;
SELECT deployed FROM pgml.train('faiss parallel', 'decomposition', 'measures', algorithm => 'pca', test_size => 0);
CREATE TABLE flowers (id int, sepal_length real, sepal_width real, petal_length real, petal_width real,
	spot vector(4) GENERATED ALWAYS AS (pgml.embed('faiss parallel', sepal_length, sepal_width, petal_length, petal_width)) STORED)
	USING pgml WITH (parallel_workers = 2);
INSERT INTO flowers (id, sepal_length, sepal_width, petal_length, petal_width)
	SELECT i, sepal_length + i % 13, sepal_width, petal_length, petal_width FROM pgml.iris, generate_series(1, 40) i;
CREATE INDEX flowers_spot ON flowers USING faiss (spot);
SELECT * FROM agrees('flowers', 'spot', '<->', '[0.5,0.5,0,0]');
SELECT deployed FROM pgml.train('faiss parallel', 'decomposition', 'some_measures', algorithm => 'pca', test_size => 0, automatic_deploy => false);
BEGIN;
SELECT d.strategy FROM (SELECT max(id) AS id FROM pgml.models) m, LATERAL pgml.deploy(m.id) d;
SELECT * FROM agrees('flowers', 'spot', '<->', '[0.5,0.5,0,0]');
ROLLBACK;
SELECT * FROM agrees('flowers', 'spot', '<->', '[0.5,0.5,0,0]');
SELECT d.strategy FROM (SELECT max(id) AS id FROM pgml.models) m, LATERAL pgml.deploy(m.id) d;
SELECT * FROM agrees('flowers', 'spot', '<->', '[0.5,0.5,0,0]');
\echo -- trained, deployed and indexed in one transaction, which nobody else sees
BEGIN;
SELECT deployed FROM pgml.train('faiss parallel 2', 'decomposition', 'measures', algorithm => 'pca', test_size => 0);
CREATE TABLE own (id int, sepal_length real, sepal_width real, petal_length real, petal_width real,
	spot vector(4) GENERATED ALWAYS AS (pgml.embed('faiss parallel 2', sepal_length, sepal_width, petal_length, petal_width)) STORED)
	USING pgml WITH (parallel_workers = 2);
INSERT INTO own (id, sepal_length, sepal_width, petal_length, petal_width)
	SELECT id, sepal_length, sepal_width, petal_length, petal_width FROM flowers;
CREATE INDEX ON own USING faiss (spot);
SELECT * FROM agrees('own', 'spot', '<->', '[0.5,0.5,0,0]');
ROLLBACK;
DROP SCHEMA faiss_parallel CASCADE;
