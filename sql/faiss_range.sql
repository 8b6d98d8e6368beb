-- Ranges: WHERE column <-> query < r through the index, against the same statement without it.
CREATE SCHEMA faiss_range;
SET search_path = faiss_range, public;
SET max_parallel_maintenance_workers = 0;
SET jit = off; -- plans that avoid a disabled node look dear
CREATE FUNCTION noise(seed bigint) RETURNS real LANGUAGE sql IMMUTABLE AS
	$$ SELECT ((hashint8extended(seed, 7) & 16777215)::float8 / 16777216 - 0.4)::real $$;
CREATE FUNCTION some_vector(i bigint, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
	$$ SELECT array_agg((noise(i * 10000 + j) + 2 * noise(-(i % 17) * 100 - j % 5))::real ORDER BY j)::vector FROM generate_series(1, dims) j $$;
-- The rows of a condition by a sequential scan, an index scan and a bitmap scan: how many, were the scans what they should be, and are
-- the rows the same?
CREATE FUNCTION compare(condition text, source text DEFAULT 'items') RETURNS TABLE (rows bigint, index_scan boolean, bitmap_scan boolean, same boolean)
	LANGUAGE plpgsql AS $$
DECLARE
	statement text = format('SELECT count(*), sum(hashint8extended(id, 1))::text FROM %s WHERE %s', source, condition);
	plan text; n bigint; expected text; got text;
BEGIN
	SET LOCAL enable_seqscan = on; SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off;
	EXECUTE statement INTO rows, expected;
	SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = on;
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	index_scan := plan LIKE '%"Index Scan"%';
	EXECUTE statement INTO n, got;
	same := n = rows AND got IS NOT DISTINCT FROM expected;
	SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = on;
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	bitmap_scan := plan LIKE '%"Bitmap Index Scan"%';
	EXECUTE statement INTO n, got;
	same := same AND n = rows AND got IS NOT DISTINCT FROM expected;
	RETURN NEXT;
END $$;
CREATE TABLE items (id int PRIMARY KEY, v vector(12), r real[], g int);
INSERT INTO items SELECT i, some_vector(i, 12), NULL, i % 100 FROM generate_series(1, 3000) i;
UPDATE items SET r = v::real[];
INSERT INTO items VALUES (3001, NULL, NULL, 1), (3002, NULL, NULL, 2);
INSERT INTO items SELECT 3100 + i, z, z::real[], 3 FROM (SELECT array_fill(0, ARRAY[12])::vector AS z) s, generate_series(1, 3) i;
CREATE INDEX items_v ON items USING faiss (v);
ANALYZE items;

\echo -- plans
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' < 1;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE 1.5::real >= '[1,2,3,4,5,6,7,8,9,10,11,12]' <-> v AND g = 3;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' BETWEEN 0.5 AND 1;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE NOT v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' >= 1 AND v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' <= 2;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' < 1 ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 5;
-- Another centre than the order's is a filter there.
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' < 1 ORDER BY v <-> '[0,0,0,4,5,6,7,8,9,10,11,12]' LIMIT 5;
RESET enable_sort;
RESET enable_bitmapscan;
SET enable_indexscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' < 1 AND g = 3;
RESET enable_indexscan;
-- A range that most rows are in reads the table.
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <-> '[0,0,0,0,0,0,0,0,0,0,0,0]' < 100;
-- Nothing of these is a range: another operator, a radius or centre of the row, farther than, of unknown value each time.
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <#> '[1,2,3,4,5,6,7,8,9,10,11,12]' < 1;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' < g;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <-> v < 1;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' > 1;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' < random();

\echo -- the rows of a sequential scan: every metric, both types
SELECT some_vector(5, 12) AS q \gset
CREATE TABLE radii (operator text, opclass text, radius text);
INSERT INTO radii SELECT '<->', 'l2_ops', unnest(ARRAY['0', '0.9', '1.6', '3', '-1', '''infinity''', '''-infinity''', '''NaN''', 'NULL::float8', '1.6::real']);
INSERT INTO radii SELECT '<#>', 'ip_ops', unnest(ARRAY['0', '-2.5', '-9', '1', '''infinity''', '''-infinity''', '''NaN''', 'NULL::float8', '-2.5::real']);
INSERT INTO radii SELECT '<=>', 'cosine_ops', unnest(ARRAY['0', '0.05', '0.2', '1', '-1', '''infinity''', '''-infinity''', '''NaN''', 'NULL::float8', '0.2::real']);
CREATE FUNCTION compare_all(center text, real_array boolean) RETURNS TABLE (condition text, radius text, rows bigint, index_scan boolean, bitmap_scan boolean, same boolean)
	LANGUAGE plpgsql AS $$
DECLARE
	metric record; comparison text; x record;
BEGIN
	FOR metric IN SELECT DISTINCT operator, opclass FROM radii ORDER BY operator LOOP
		EXECUTE format('CREATE INDEX items_all ON items USING faiss (%s)', CASE WHEN real_array THEN 'r real_' ELSE 'v vector_' END || metric.opclass);
		FOR x IN SELECT * FROM radii WHERE operator = metric.operator LOOP
			FOREACH comparison IN ARRAY ARRAY['<', '<='] LOOP
				condition := metric.operator || ' ' || comparison;
				radius := x.radius;
				SELECT c.* INTO rows, index_scan, bitmap_scan, same FROM
					compare(format(CASE WHEN real_array THEN 'r %s (%L::vector)::real[] %s %s' ELSE 'v %s %L %s %s' END, metric.operator, center, comparison, radius)) c;
				RETURN NEXT;
			END LOOP;
		END LOOP;
		DROP INDEX items_all;
	END LOOP;
END $$;
DROP INDEX items_v;
SELECT * FROM compare_all(:'q', false);
SELECT * FROM compare_all(:'q', true) WHERE NOT same OR radius IN ('0.2', '0.2::real', '1.6', '-2.5');
-- A zero vector is at no distance for cosine.
SELECT condition, count(*), bool_and(same), max(rows) FROM compare_all('[0,0,0,0,0,0,0,0,0,0,0,0]', false) GROUP BY condition ORDER BY condition;

\echo -- every kind of index; rows at the radius itself, many of them; after writes
CREATE TABLE grid (id serial, v vector(3));
CREATE FUNCTION fill_grid() RETURNS void LANGUAGE sql AS $$
	TRUNCATE grid RESTART IDENTITY;
	INSERT INTO grid (v) SELECT ARRAY[x, y, z]::vector FROM generate_series(-7, 7) x, generate_series(-7, 7) y, generate_series(-2, 2) z, generate_series(1, 2) $$;
DO $$
DECLARE
	factory text; step text; result record;
BEGIN
	FOREACH factory IN ARRAY ARRAY['', 'Flat', 'IVF9,Flat', 'IVF9,SQ8', 'IVF9,PQ3x4fs', 'IVF9,PQ3x4fs,RFlat'] LOOP
		PERFORM fill_grid();
		EXECUTE format('CREATE INDEX grid_v ON grid USING faiss (v) WITH (factory = %L)', factory);
		FOREACH step IN ARRAY ARRAY['SELECT', 'DELETE FROM grid WHERE id % 3 = 0', 'INSERT INTO grid (v) SELECT v FROM grid WHERE id % 5 = 0'] LOOP
			EXECUTE step;
			SELECT min(c.rows) AS rows, bool_and(c.index_scan AND c.bitmap_scan AND c.same) AS good INTO result FROM
				unnest(ARRAY['v <-> ''[1,2,0]'' <= 5', 'v <-> ''[1,2,0]'' < 5', 'v <-> ''[1,2,0]'' <= 0', 'v <-> ''[0.5,0.25,0]'' < 2', 'v <-> ''[40,0,0]'' < 35',
					'v <-> ''[1,2,0]'' < 5 AND v <-> ''[1,2,0]'' <= 3', 'v <-> ''[1,2,0]'' < 5 AND v <-> ''[3,2,0]'' < 4']) x, compare(x, 'grid') c;
			RAISE NOTICE '"%" %: %', factory, step, result;
		END LOOP;
		DROP INDEX grid_v;
	END LOOP;
END $$;
CREATE INDEX grid_v ON grid USING faiss (v) WITH (factory = 'IVF9,PQ3x4fs');
DELETE FROM grid WHERE id % 7 <> 1;
VACUUM grid;
SELECT * FROM compare('v <-> ''[1,2,0]'' <= 5', 'grid');
INSERT INTO grid (v) SELECT ARRAY[x, y, 1]::vector FROM generate_series(-7, 7) x, generate_series(-7, 7) y;
SELECT * FROM compare('v <-> ''[1,2,0]'' <= 5', 'grid');
REINDEX INDEX grid_v;
SELECT * FROM compare('v <-> ''[1,2,0]'' <= 5', 'grid');
DROP INDEX grid_v;
-- Rows that span pages; an index that has seen no row.
CREATE TABLE wide (id serial, v vector(2600));
CREATE INDEX ON wide USING faiss (v) WITH (factory = 'Flat');
SELECT * FROM compare(format('v <-> %L < 2', array_fill(0.5, ARRAY[2600])::text::real[]::vector), 'wide');
INSERT INTO wide (v) SELECT array_fill((i / 100.0)::real, ARRAY[2600])::vector FROM generate_series(1, 100) i;
SELECT * FROM compare(format('v <-> %L < 2', array_fill(0.5, ARRAY[2600])::text::real[]::vector), 'wide');

\echo -- in order: the search ends where the range ends
CREATE INDEX items_v ON items USING faiss (v) WITH (factory = 'IVF30,PQ12x4fs');
CREATE FUNCTION ordered(radius float8, center vector) RETURNS TABLE (rows bigint, expected bigint, in_order boolean, searched boolean) LANGUAGE plpgsql AS $$
DECLARE
	statement text = format('SELECT count(*), bool_and(d >= before) IS NOT FALSE FROM (SELECT d, lag(d) OVER () AS before FROM '
		'(SELECT v <-> %L AS d FROM items WHERE v <-> %L < %L ORDER BY v <-> %L) s) t', center, center, radius, center);
	plan text;
BEGIN
	SELECT count(*) INTO expected FROM (SELECT v <-> center AS d FROM items OFFSET 0) s WHERE d < radius;
	SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off;
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	searched := plan LIKE '%"Index Cond"%' AND plan LIKE '%"Order By"%';
	EXECUTE statement INTO rows, in_order;
	RETURN NEXT;
END $$;
SELECT rows = expected OR rows > expected * 0.8 AS found, in_order, searched FROM ordered(1, :'q');
SELECT lists_opened < 30 AS ended, rows_bounded < 1000 AS few FROM pgml.last_search();
SELECT rows, expected, in_order, searched FROM ordered(0.5, :'q');
SELECT lists_opened < 30 AS ended, rows_bounded < 1000 AS few FROM pgml.last_search();
SELECT rows, expected, in_order, searched FROM ordered(-1, :'q');
SELECT lists_opened < 30 AS ended, rows_bounded < 1000 AS few FROM pgml.last_search();
-- With all rows looked at, with little memory, and out of order, nothing is missed.
SET pgml.recall = 1;
SELECT radius, o.* FROM unnest(ARRAY[0.5, 1.6, 3, 4, 6, 'infinity', 'NaN']::float8[]) radius, ordered(radius, :'q') o;
SET work_mem = '64kB';
SELECT radius, o.* FROM unnest(ARRAY[0.5, 1.6, 3, 4, 6, 'infinity', 'NaN']::float8[]) radius, ordered(radius, :'q') o;
RESET pgml.recall;
SET pgml.iterative_scan = relaxed_order;
SET pgml.probes = 1;
SELECT radius, o.rows, o.expected FROM unnest(ARRAY[0.5, 1.6, 3, 6]::float8[]) radius, ordered(radius, :'q') o;
RESET pgml.probes; RESET pgml.iterative_scan; RESET work_mem;
-- A range alone is exact whatever the recall, in memory that does not grow, and a LIMIT ends it.
SET pgml.recall = 0.5;
SET work_mem = '64kB';
SELECT * FROM compare(format('v <-> %L < 3', :'q'));
RESET pgml.recall; RESET work_mem;
SET enable_bitmapscan = off; SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM items WHERE v <-> :'q' < 1 LIMIT 1) s;
SELECT lists_opened < 30 AS ended FROM pgml.last_search();
SELECT count(*) FROM items WHERE v <-> :'q' < 1;
SELECT lists_opened, codes_scanned, rows_bounded, rows_left_out FROM pgml.last_search();
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT id FROM items WHERE v <-> '[0,0,0,0,0,0,0,0,0,0,0,0]' <= 0;
RESET enable_bitmapscan; RESET enable_seqscan;


\echo -- parameters: generic plans, sub-selects, LATERAL, joins
SET plan_cache_mode = force_generic_plan;
PREPARE within(vector, float8) AS SELECT count(*) FROM items WHERE v <-> $1 < $2;
PREPARE nearest_within(vector, float8) AS SELECT count(*) FROM (SELECT 1 FROM items WHERE v <-> $1 <= $2 ORDER BY v <-> $1 LIMIT 20) s;
EXPLAIN (COSTS OFF) EXECUTE within(NULL, NULL);
EXPLAIN (COSTS OFF) EXECUTE nearest_within(NULL, NULL);
EXECUTE within(:'q', 1.6);
EXECUTE within(:'q', 3);
EXECUTE within(:'q', NULL);
EXECUTE within(NULL, 3);
EXECUTE within(:'q', 'NaN');
EXECUTE within(:'q', '-infinity');
SELECT count(*) FILTER (WHERE d < 1.6), count(*) FILTER (WHERE d < 3), count(d) FROM (SELECT v <-> :'q' AS d FROM items OFFSET 0) s;
SET pgml.recall = 1;
EXECUTE nearest_within(:'q', 3);
EXECUTE nearest_within(:'q', 0);
EXECUTE nearest_within(:'q', NULL);
EXECUTE nearest_within(NULL, 3);
EXECUTE nearest_within(:'q', 'NaN');
RESET pgml.recall;
-- Whether a parameter is NaN is not known when planning: what cosine has at <= NaN is not all indexed.
CREATE INDEX items_cosine ON items USING faiss (v vector_cosine_ops);
PREPARE cosine_within(vector, float8) AS SELECT count(*) FROM items WHERE v <=> $1 < $2;
PREPARE cosine_up_to(vector, float8) AS SELECT count(*) FROM items WHERE v <=> $1 <= $2;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) EXECUTE cosine_within(NULL, NULL);
EXPLAIN (COSTS OFF) EXECUTE cosine_up_to(NULL, NULL);
EXECUTE cosine_within(:'q', 'NaN');
EXECUTE cosine_up_to(:'q', 'NaN');
RESET plan_cache_mode;
EXPLAIN (COSTS OFF) EXECUTE cosine_up_to('[1,2,3,4,5,6,7,8,9,10,11,12]', 0.01);
RESET enable_seqscan;
DROP INDEX items_cosine;
SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off;
SELECT count(*) FROM (SELECT 1 FROM items WHERE v <-> (SELECT v FROM items WHERE id = 5) < 0.5 ORDER BY v <-> (SELECT v FROM items WHERE id = 5)) s;
SELECT lists_opened < 30 AS ended FROM pgml.last_search();
-- The two sub-selects may also differ: then the range is a filter.
SET pgml.recall = 1;
SELECT count(*) FROM (SELECT 1 FROM items WHERE v <-> (SELECT v FROM items WHERE id = 5) < 1.6 ORDER BY v <-> (SELECT v FROM items WHERE id = 6)) s;
RESET pgml.recall;
RESET enable_seqscan; RESET enable_sort; RESET enable_bitmapscan;
SELECT count(*) FROM items WHERE v <-> (SELECT v FROM items WHERE id = 5) < 1.6;
CREATE TABLE probes (id int, v vector(12), radius float8);
INSERT INTO probes SELECT i, some_vector(i, 12), (i % 7) * 0.4 FROM generate_series(1, 60) i;
INSERT INTO probes VALUES (61, NULL, 1), (62, some_vector(62, 12), NULL), (63, some_vector(63, 12), 'infinity'), (64, some_vector(64, 12), 'NaN');
ANALYZE probes;
EXPLAIN (COSTS OFF) SELECT p.id, i.id FROM probes p JOIN items i ON p.v <-> i.v < p.radius;
EXPLAIN (COSTS OFF) SELECT p.id, n.id FROM probes p CROSS JOIN LATERAL (SELECT id FROM items i WHERE i.v <-> p.v < p.radius ORDER BY i.v <-> p.v LIMIT 3) n;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT p.id FROM probes p WHERE EXISTS (SELECT 1 FROM items i WHERE i.v <-> p.v < p.radius AND i.id <> p.id OFFSET 0);
RESET enable_seqscan;
CREATE FUNCTION joined() RETURNS TABLE (kind text, n bigint, rows text) LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY SELECT 'join', count(*), md5(string_agg(p.id || ' ' || i.id, ',' ORDER BY p.id, i.id)) FROM probes p JOIN items i ON p.v <-> i.v < p.radius;
	RETURN QUERY SELECT 'left join', count(*), md5(string_agg(p.id || ' ' || coalesce(i.id, 0), ',' ORDER BY p.id, i.id)) FROM probes p LEFT JOIN items i ON i.v <-> p.v <= p.radius AND i.g = 3;
	RETURN QUERY SELECT 'lateral', count(*), md5(string_agg(p.id || ' ' || d, ',' ORDER BY p.id, d)) FROM probes p
		CROSS JOIN LATERAL (SELECT i.v <-> p.v AS d FROM items i WHERE i.v <-> p.v < p.radius ORDER BY i.v <-> p.v LIMIT 3) n;
	RETURN QUERY SELECT 'exists', count(*), md5(string_agg(p.id::text, ',' ORDER BY p.id)) FROM probes p WHERE EXISTS (SELECT 1 FROM items i WHERE i.v <-> p.v < p.radius AND i.id <> p.id OFFSET 0);
	RETURN QUERY SELECT 'sub-select', count(*), md5(string_agg(p.id || ' ' || (SELECT count(*) FROM items i WHERE i.v <-> p.v < p.radius), ',' ORDER BY p.id)) FROM probes p;
END $$;
SET pgml.recall = 1;
SET enable_indexscan = off; SET enable_bitmapscan = off;
CREATE TABLE expected AS SELECT * FROM joined();
RESET enable_indexscan; SET enable_seqscan = off;
SELECT kind, n, rows IS NOT DISTINCT FROM (SELECT e.rows FROM expected e WHERE e.kind = j.kind) AS same FROM joined() j;
SET enable_indexscan = off; SET enable_bitmapscan = on;
SELECT kind, n, rows IS NOT DISTINCT FROM (SELECT e.rows FROM expected e WHERE e.kind = j.kind) AS same FROM joined() j;
RESET enable_indexscan; RESET enable_bitmapscan; RESET enable_seqscan; RESET pgml.recall;

\echo -- partial and expression indexes, partitions, parallel plans, cursors, writes
CREATE INDEX items_part ON items USING faiss (v) WHERE g < 10;
CREATE INDEX items_head ON items USING faiss ((subvector(v, 1, 4)::vector(4)));
DROP INDEX items_v;
SELECT * FROM compare(format('g < 10 AND v <-> %L < 2', :'q'));
SELECT * FROM compare(format('g < 11 AND v <-> %L < 2', :'q'));
SELECT * FROM compare('subvector(v, 1, 4)::vector(4) <-> ''[0.1,0.2,0.3,0.4]'' <= 0.7');
CREATE TABLE parts (id int, v vector(12), g int) PARTITION BY LIST (g);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES IN (0);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
CREATE INDEX ON parts USING faiss (v);
INSERT INTO parts SELECT id, v, g % 2 FROM items;
ANALYZE parts;
SELECT * FROM compare(format('v <-> %L < 2', :'q'), 'parts');
SET enable_bitmapscan = off; SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT id FROM parts WHERE v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' < 1 ORDER BY v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' LIMIT 3;
RESET enable_bitmapscan; RESET enable_sort;
CREATE INDEX items_v ON items USING faiss (v);
BEGIN;
SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off;
EXPLAIN (COSTS OFF) SELECT count(*) FROM items WHERE v <-> '[0,0,0,0,0,0,0,0,0,0,0,0]' < 2;
SELECT count(*) FROM items WHERE v <-> '[0,0,0,0,0,0,0,0,0,0,0,0]' < 2;
SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = off;
SELECT count(*) FROM items WHERE v <-> '[0,0,0,0,0,0,0,0,0,0,0,0]' < 2;
ROLLBACK;
BEGIN;
SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;
DECLARE c CURSOR FOR SELECT id FROM items WHERE v <-> '[0,0,0,0,0,0,0,0,0,0,0,0]' < 2;
MOVE 5 IN c;
DELETE FROM items WHERE id % 5 = 0;
SAVEPOINT s;
INSERT INTO items SELECT 10000 + id, v, r, g FROM items WHERE v <-> '[0,0,0,0,0,0,0,0,0,0,0,0]' < 2;
SELECT count(*) FROM items WHERE v <-> '[0,0,0,0,0,0,0,0,0,0,0,0]' < 2;
ROLLBACK TO s;
SELECT count(*) FROM items WHERE v <-> '[0,0,0,0,0,0,0,0,0,0,0,0]' < 2;
MOVE ALL IN c;
UPDATE items SET g = -1 WHERE v <-> '[0,0,0,0,0,0,0,0,0,0,0,0]' < 1.5;
WITH gone AS (DELETE FROM items WHERE v <-> '[0,0,0,0,0,0,0,0,0,0,0,0]' < 2 RETURNING g) SELECT count(*), count(*) FILTER (WHERE g = -1) > 0 AS changed FROM gone;
ROLLBACK;

\echo -- what security lets first
CREATE ROLE regress_faiss_range;
GRANT USAGE ON SCHEMA faiss_range TO regress_faiss_range;
GRANT SELECT ON items TO regress_faiss_range;
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
CREATE POLICY half ON items USING (g < 50);
SET enable_seqscan = off;
SET ROLE regress_faiss_range;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <-> '[1,2,3,4,5,6,7,8,9,10,11,12]' < 1;
RESET ROLE;
ALTER TABLE items DISABLE ROW LEVEL SECURITY;
DROP OWNED BY regress_faiss_range;
DROP ROLE regress_faiss_range;

\echo -- the operator behind it, and refusals
SELECT id FROM items WHERE v <-> '[1,2,3]' < 1;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v <<->> ROW('[1,2,3,4,5,6,7,8,9,10,11,12]', 1, true)::pgml.vector_range;
CREATE FUNCTION range_of(q vector, r float8) RETURNS pgml.vector_range LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN ROW(q, r, true); END $$;
SELECT count(*) = (SELECT count(*) FROM items WHERE v <-> :'q' <= 1.6) FROM items WHERE v <<->> range_of(:'q', 1.6);
SELECT count(*) FROM items WHERE v <<->> range_of(:'q', 1.6) AND v <<->> range_of(NULL, 1.6);
SELECT count(*) FROM items WHERE v <<->> range_of(:'q', NULL);
DROP INDEX items_v, items_part, items_head;
CREATE INDEX ON items USING faiss (v vector_cosine_ops);
SELECT count(*) FROM items WHERE v <<=>> range_of(:'q', 'NaN');
RESET enable_seqscan;
SELECT opcname, amvalidate(o.oid) FROM pg_opclass o JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'faiss' ORDER BY opcname;
CREATE OPERATOR CLASS odd_ops FOR TYPE vector USING faiss AS
	OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops, OPERATOR 2 < (vector, vector), FUNCTION 1 pgml.faiss_vector_l2(internal);
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'odd_ops';
SET client_min_messages = warning;
DROP SCHEMA faiss_range CASCADE;
