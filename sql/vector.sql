-- The vector type, by pgvector's names.
CREATE SCHEMA vectors;
SET search_path = vectors, public;
\set VERBOSITY sqlstate
\echo -- text
SELECT '[1,2,3]'::vector, ' [ 1 , -2.5e1,3 ] '::vector AS spaces, '[0.1,1e-45,-0]'::vector AS shortest;
SELECT '[1,2,3]'::vector(3);
SELECT '[1,2,3]'::vector(2);
SELECT v, v::vector::text FROM (VALUES ('[1.5,2]'), ('[3]')) t(v);
SELECT '[1,2'::vector;
SELECT '1,2]'::vector;
SELECT '[1,2]x'::vector;
SELECT '[1,,2]'::vector;
SELECT '[1,]'::vector;
SELECT '[0x10]'::vector;
SELECT ''::vector;
SELECT '[]'::vector;
SELECT '[NaN]'::vector;
SELECT '[1,Infinity]'::vector;
SELECT '[1e39]'::vector;
SELECT ('[' || repeat('1,', 16000) || '1]')::vector;
SELECT vector_dims(('[' || repeat('1,', 15999) || '1]')::vector);
\echo -- type modifiers
CREATE TABLE bad (v vector(0));
CREATE TABLE bad (v vector(16001));
CREATE TABLE bad (v vector(1, 2));
CREATE TABLE bad (v vector('three'));
CREATE TABLE items (id int, v vector(3));
SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'items'::regclass AND attname = 'v';
INSERT INTO items VALUES (1, '[1,2,3]'), (2, '[4,5,6]'), (3, '[1,2,4]'), (4, NULL), (5, '[0,0,0]');
INSERT INTO items VALUES (6, '[1,2]');
\set VERBOSITY default
INSERT INTO items VALUES (6, '[1,2]');
SELECT '[1,2]'::vector <-> '[1,2,3]';
SELECT '[1;2]'::vector;
SELECT '[1,2,3]'::vector(2);
\set VERBOSITY sqlstate
\echo -- casts
SELECT ARRAY[1, 2]::vector, ARRAY[1.5, 2]::real[]::vector(2), ARRAY[0.1]::float8[]::vector, ARRAY[0.1, 7]::numeric[]::vector, '[1,2]'::vector::real[];
INSERT INTO items SELECT 7, ARRAY[7, 8, 9]::real[];
SELECT pgml.norm_l2('[3,4]'::vector);
SELECT ARRAY[1, NULL]::integer[]::vector;
SELECT '{{1,2},{3,4}}'::real[]::vector;
SELECT '{}'::real[]::vector;
SELECT ARRAY[1e300]::float8[]::vector;
SELECT ARRAY['NaN']::real[]::vector;
SELECT ARRAY[1, 2]::real[]::vector(3);
SELECT unnest(ARRAY['[1]', '[2]']::vector[]);
\echo -- binary
SELECT vector_send('[1,-2.5]');
COPY (SELECT v FROM items ORDER BY id) TO PROGRAM 'cat > /dev/null' (FORMAT binary);
\echo -- distances
SELECT id, v <-> '[1,2,3]' AS l2, v <#> '[1,2,3]' AS negative_inner, v <=> '[1,2,3]' AS cosine, v <+> '[1,2,3]' AS l1 FROM items ORDER BY id;
SELECT l2_distance('[0,0]', '[3,4]'), inner_product('[1,2]', '[3,4]'), cosine_distance('[1,1]', '[-1,-1]'), l1_distance('[0,0]', '[3,4]');
SELECT l2_distance('[3e38]', '[-3e38]'), vector_l2_squared_distance('[0,0]', '[3,4]'), vector_negative_inner_product('[1,2]', '[3,4]'),
	vector_spherical_distance('[1,0]', '[0,1]');
SELECT '[1,2]'::vector <=> '[1]';
SELECT '[1,2]'::vector <#> '[1]';
SELECT '[1,2]'::vector <+> '[1]';
PREPARE nearest AS SELECT id FROM items WHERE v IS NOT NULL ORDER BY v <-> $1, id LIMIT 2;
EXECUTE nearest('[4,4,4]');
PREPARE operators AS SELECT v <-> $1, v <#> $1, v <=> $1, v <+> $1, v + $1, v - $1, v * $1, v || $1, v < $1, v = $1 FROM items WHERE id = 1;
EXECUTE operators('[1,1,1]');
\echo -- functions and arithmetic
SELECT vector_dims('[1,2,3]'), vector_norm('[3,4]'), l2_normalize('[3,4]'), l2_normalize('[0,0]'), binary_quantize('[1,0,-1,2,0.5,1,1,1,3]');
SELECT subvector('[1,2,3,4,5]', 1, 3), subvector('[1,2,3,4,5]', 3, 2147483647), subvector('[1,2,3]', -1, 3);
SELECT subvector('[1,2,3]', 2, 0);
SELECT subvector('[1,2,3]', 4, 1);
SELECT subvector('[1,2,3]', -2147483648, 1);
SELECT '[1,2]'::vector + '[3,4]', '[1,2]'::vector - '[3,4]', '[1,2]'::vector * '[3,4]', '[1,2]'::vector || '[3]';
SELECT '[3e38]'::vector + '[3e38]';
SELECT '[1e20]'::vector * '[1e20]';
SELECT '[1e-30]'::vector * '[1e-30]';
SELECT '[1]'::vector + '[1,2]';
\echo -- order, hashing
SELECT '[1,2]'::vector < '[1,3]', '[1,2]'::vector <= '[1,2]', '[1,2]'::vector < '[1,2,0]', '[-0]'::vector = '[0]', '[1]'::vector <> '[2]',
	'[2]'::vector > '[1,9]', '[2]'::vector >= '[3]', vector_cmp('[1]', '[2]');
SELECT v FROM items ORDER BY v DESC NULLS LAST;
CREATE INDEX ON items (v);
CREATE INDEX ON items USING hash (v);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE v = '[4,5,6]';
SELECT id FROM items WHERE v = '[4,5,6]';
RESET enable_seqscan;
INSERT INTO items VALUES (8, '[-0,0,0]');
SELECT count(DISTINCT v), count(*) FROM items;
SET enable_sort = off;
SELECT v, count(*) FROM items GROUP BY v ORDER BY 2 DESC, v LIMIT 2;
RESET enable_sort;
SELECT vector_hash('[-0]') = vector_hash('[0]'), vector_hash_extended('[1]', 1) = vector_hash_extended('[1]', 2);
\echo -- aggregates
SELECT avg(v), sum(v) FROM items;
SELECT avg(v), sum(v) FROM items WHERE false;
SELECT avg(v) OVER (ORDER BY id ROWS 1 PRECEDING), sum(v) OVER (ORDER BY id) FROM items WHERE id < 4;
SELECT avg(v) FROM (VALUES ('[1]'::vector), ('[1,2]')) t(v);
SELECT sum(v) FROM (VALUES ('[1]'::vector), ('[1,2]')) t(v);
SELECT sum(v) FROM (VALUES ('[3e38]'::vector), ('[3e38]')) t(v);
SELECT vector_avg('{}');
SELECT vector_accum('{{1},{2}}', '[1]');
SELECT vector_combine('{2,1}', '{2,1,1}');
CREATE TABLE many AS SELECT i, ARRAY[i, i % 7, 1]::vector AS v FROM generate_series(1, 2000) i;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v) FROM many;
SELECT avg(v), sum(v) FROM many;
RESET ALL;
SET search_path = vectors, public;
\echo -- bit strings
SELECT B'1100' <~> B'1010', B'1100' <%> B'1010', hamming_distance(B'', B''), jaccard_distance(B'0000', B'1111'), repeat('10', 50)::bit(100) <~> repeat('01', 50)::bit(100);
\set VERBOSITY sqlstate
SELECT B'1' <~> B'11';
SELECT B'1' <%> B'11';
\set VERBOSITY default
\echo -- wide vectors are stored out of line and read back
CREATE TABLE wide (v vector);
INSERT INTO wide SELECT array_agg(i)::vector FROM generate_series(1, 16000) i;
SELECT vector_dims(v), v <-> v, subvector(v, 15999, 2) FROM wide;
SELECT pg_column_size(v) FROM wide;
SET client_min_messages = warning;
DROP SCHEMA vectors CASCADE;
