-- The pgml table access method is heap under another name: everything that works on a heap table works on a pgml table.
CREATE TABLE am_types (id int PRIMARY KEY, n int, t text, arr int[], p point) USING pgml;
INSERT INTO am_types
	SELECT g, g % 10, CASE WHEN g % 100 = 0 THEN repeat('toast' || g, 4000) ELSE 'text ' || g END,
		ARRAY[g, g % 7], point(g, g % 13)
	FROM generate_series(1, 5000) g;
SELECT amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.relname = 'am_types';
-- TOAST tables are plain heap.
SELECT amname, c.relkind FROM pg_class c JOIN pg_am a ON a.oid = c.relam
	WHERE c.oid = (SELECT reltoastrelid FROM pg_class WHERE relname = 'am_types');
ALTER TABLE am_types ALTER t SET STORAGE EXTERNAL;
UPDATE am_types SET t = t || 'x' WHERE id % 100 = 0;
SELECT count(*), sum(length(t)) FROM am_types;

-- Every index access method, built over rows and maintained by later ones.
CREATE INDEX am_btree ON am_types (n, id);
CREATE INDEX am_hash ON am_types USING hash (t) WHERE id % 100 <> 0;
CREATE INDEX am_gin ON am_types USING gin (arr);
CREATE INDEX am_gist ON am_types USING gist (p);
CREATE INDEX am_spgist ON am_types USING spgist (p);
CREATE INDEX am_brin ON am_types USING brin (id) WITH (pages_per_range = 4);
CREATE INDEX am_expression ON am_types ((n * 2)) INCLUDE (id) WHERE n > 3;
CREATE UNIQUE INDEX am_unique ON am_types (id DESC, n);
INSERT INTO am_types SELECT g, g % 10, 'text ' || g, ARRAY[g, g % 7], point(g, g % 13)
	FROM generate_series(5001, 5500) g;
SELECT brin_summarize_new_values('am_brin') >= 0;
SET enable_seqscan = off;
SELECT count(*) FROM am_types WHERE n = 4;
SELECT count(*) FROM am_types WHERE t = 'text 5007' AND id % 100 <> 0;
SELECT count(*) FROM am_types WHERE arr @> ARRAY[5005];
SELECT count(*) FROM am_types WHERE p <@ box '(0,0),(100,100)';
SELECT count(*) FROM am_types WHERE id BETWEEN 2000 AND 2010;
SELECT count(*) FROM am_types WHERE n * 2 = 10 AND n > 3;
RESET enable_seqscan;

-- Builds that other sessions may write during, and a parallel one.
CREATE INDEX CONCURRENTLY am_concurrent ON am_types (t text_pattern_ops) WHERE id % 100 <> 0;
REINDEX INDEX CONCURRENTLY am_btree;
REINDEX TABLE am_types;
REINDEX TABLE CONCURRENTLY am_types;
SELECT count(*) FROM pg_index WHERE indrelid = 'am_types'::regclass AND NOT (indisvalid AND indisready);
SET min_parallel_table_scan_size = 0;
SET max_parallel_maintenance_workers = 2;
ALTER TABLE am_types SET (parallel_workers = 2);
CREATE INDEX am_parallel ON am_types (length(t), id);
RESET min_parallel_table_scan_size;
RESET max_parallel_maintenance_workers;
SELECT count(*) FROM am_types WHERE length(t) = 8;
ALTER TABLE am_types RESET (parallel_workers);
-- An error inside an index build leaves the table usable: heap's routine is given back.
CREATE UNIQUE INDEX am_fails ON am_types (n);
CREATE INDEX am_fails ON am_types ((1 / (id - 77)));
SELECT count(*) FROM am_types WHERE id = 77;
INSERT INTO am_types VALUES (0, 0, 'zero', '{}', '(0,0)');
CREATE INDEX am_after_error ON am_types (n);

-- Rewrites and maintenance.
DELETE FROM am_types WHERE n = 3;
VACUUM am_types;
VACUUM (FREEZE, ANALYZE) am_types;
ANALYZE am_types;
SELECT reltuples FROM pg_class WHERE relname = 'am_types';
VACUUM FULL am_types;
CLUSTER am_types USING am_unique;
SELECT id FROM am_types LIMIT 3;
SELECT count(*), sum(length(t)) FROM am_types;
SELECT id FROM am_types TABLESAMPLE SYSTEM (100) ORDER BY id LIMIT 2;
SELECT id FROM am_types WHERE ctid = '(0,1)';
BEGIN;
SELECT id FROM am_types WHERE id = 5 FOR UPDATE;
TRUNCATE am_types;
SELECT count(*) FROM am_types;
ROLLBACK;
SELECT count(*) FROM am_types;

-- Moving between access methods keeps rows and indexes.
ALTER TABLE am_types SET ACCESS METHOD heap;
SELECT amname, count(*) FROM pg_class c JOIN pg_am a ON a.oid = c.relam, am_types WHERE c.relname = 'am_types' GROUP BY 1;
ALTER TABLE am_types SET ACCESS METHOD pgml;
SELECT amname, count(*) FROM pg_class c JOIN pg_am a ON a.oid = c.relam, am_types WHERE c.relname = 'am_types' GROUP BY 1;
SELECT count(*) FROM am_types WHERE arr @> ARRAY[5005];
ALTER TABLE am_types ALTER n TYPE bigint, ADD COLUMN extra int DEFAULT 7;
SELECT sum(extra), sum(n) FROM am_types;
ALTER TABLE am_types DROP COLUMN extra;

SET allow_in_place_tablespaces = on;
CREATE TABLESPACE am_space LOCATION '';
ALTER TABLE am_types SET TABLESPACE am_space;
SELECT count(*), sum(length(t)) FROM am_types;
ALTER TABLE am_types SET TABLESPACE pg_default, SET ACCESS METHOD heap;
ALTER TABLE am_types SET ACCESS METHOD pgml;
DROP TABLESPACE am_space;
RESET allow_in_place_tablespaces;

-- Index structure against the table, by the server's own checker. Its heap checker and pgstattuple refuse: they test
-- for the access method "heap" by name.
CREATE EXTENSION amcheck;
SELECT bt_index_check('am_unique', true), bt_index_check('am_btree', true), bt_index_parent_check('am_concurrent', true);
SELECT * FROM verify_heapam('am_types');
DROP EXTENSION amcheck;

-- Kinds of tables, and tables made from queries.
CREATE UNLOGGED TABLE am_unlogged (a int) USING pgml;
INSERT INTO am_unlogged VALUES (1);
ALTER TABLE am_unlogged SET LOGGED;
ALTER TABLE am_unlogged SET UNLOGGED;
SELECT * FROM am_unlogged;
CREATE TEMP TABLE am_temp (a int) USING pgml ON COMMIT DELETE ROWS;
BEGIN;
INSERT INTO am_temp VALUES (1), (2);
SELECT count(*) FROM am_temp;
COMMIT;
SELECT count(*) FROM am_temp;
CREATE TABLE am_ctas USING pgml AS SELECT id, t FROM am_types WHERE id <= 3;
SELECT id FROM am_ctas ORDER BY id;
CREATE MATERIALIZED VIEW am_matview USING pgml AS SELECT n, count(*) FROM am_types GROUP BY n;
CREATE UNIQUE INDEX ON am_matview (n);
REFRESH MATERIALIZED VIEW am_matview;
REFRESH MATERIALIZED VIEW CONCURRENTLY am_matview;
SELECT count(*) FROM am_matview;
SET default_table_access_method = pgml;
CREATE TABLE am_default (a int);
SELECT a INTO am_into FROM am_default;
RESET default_table_access_method;
SELECT relname, amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam
	WHERE relname IN ('am_default', 'am_into', 'am_ctas', 'am_matview', 'am_unlogged') ORDER BY 1;

-- COPY in all its ways.
CREATE TABLE am_copy (a int, b text) USING pgml;
BEGIN;
TRUNCATE am_copy;
COPY am_copy FROM stdin WITH (FREEZE);
1	one
2	two
\.
COMMIT;
COPY am_copy FROM stdin WITH (FORMAT csv);
3,three
\.
COPY am_copy TO stdout;

-- Writing: constraints, upsert, merge, cursors, triggers.
CREATE TABLE am_dml (a int PRIMARY KEY, b int CHECK (b > 0), EXCLUDE USING btree (b WITH =)) USING pgml;
CREATE TABLE am_ref (a int REFERENCES am_dml ON DELETE CASCADE) USING pgml;
INSERT INTO am_dml VALUES (1, 1), (2, 2), (3, 3);
INSERT INTO am_dml VALUES (1, 9) ON CONFLICT (a) DO UPDATE SET b = excluded.b + 1 RETURNING *;
MERGE INTO am_dml d USING (VALUES (2, 20), (4, 40)) v(a, b) ON d.a = v.a
	WHEN MATCHED THEN UPDATE SET b = v.b WHEN NOT MATCHED THEN INSERT VALUES (v.a, v.b);
INSERT INTO am_ref VALUES (1), (4);
INSERT INTO am_ref VALUES (5);
DELETE FROM am_dml WHERE a = 4;
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM am_dml ORDER BY a FOR UPDATE;
FETCH 2 FROM c;
UPDATE am_dml SET b = 99 WHERE CURRENT OF c;
SAVEPOINT s;
DELETE FROM am_dml;
ROLLBACK TO s;
COMMIT;
SELECT * FROM am_dml ORDER BY a;
SELECT * FROM am_ref;

-- The access method cannot go while tables use it; a partitioned table cannot have one in this version of the server.
DROP ACCESS METHOD pgml;
CREATE TABLE am_partitioned (a int) PARTITION BY RANGE (a) USING pgml;

DROP MATERIALIZED VIEW am_matview;
DROP TABLE am_types, am_unlogged, am_temp, am_ctas, am_default, am_into, am_copy, am_ref, am_dml;
