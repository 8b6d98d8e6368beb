-- Vectors as arrays: arithmetic, norms, distances, aggregates.
CREATE SCHEMA regress_arrays;
SET search_path = regress_arrays, public;
CREATE FUNCTION error_of(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE detail text;
BEGIN
	EXECUTE command;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN SQLSTATE || ': ' || SQLERRM || CASE WHEN detail <> '' THEN E'\n' || detail ELSE '' END;
END $$;

-- Arithmetic. A literal of decimals is double precision, as there.
SELECT pgml.add(ARRAY[1.0, 2.0, 3.0], 3), pg_typeof(pgml.add(ARRAY[1.0, 2.0, 3.0], 3));
SELECT pgml.add(ARRAY[1, 2, 3]::real[], 1), pg_typeof(pgml.add(ARRAY[1, 2, 3]::real[], 1));
SELECT pgml.subtract(ARRAY[1, 2, 3]::real[], 1), pgml.multiply(ARRAY[1, 2, 3]::real[], 2),
	pgml.divide(ARRAY[1, 2, 3]::real[], 10);
SELECT pgml.subtract(ARRAY[1, 2, 3]::float8[], 1), pgml.multiply(ARRAY[1, 2, 3]::float8[], 2),
	pgml.divide(ARRAY[1, 2, 3]::float8[], 10);
SELECT pgml.add(ARRAY[1, 2, 3]::real[], ARRAY[3, 2, 1]::real[]), pgml.subtract(ARRAY[1, 2, 3]::real[], ARRAY[3, 2, 1]::real[]),
	pgml.multiply(ARRAY[1, 2, 3]::real[], ARRAY[3, 2, 1]::real[]), pgml.divide(ARRAY[1, 2, 3]::real[], ARRAY[3, 2, 1]::real[]);
SELECT pgml.add(ARRAY[1.0, 2.0], ARRAY[3.0, 2.0]), pgml.subtract(ARRAY[1.0, 2.0], ARRAY[3.0, 2.0]),
	pgml.multiply(ARRAY[1.0, 2.0], ARRAY[3.0, 2.0]), pgml.divide(ARRAY[1.0, 2.0], ARRAY[3.0, 2.0]);
-- Every type of number, alone and mixed; ambiguous in PostgresML.
SELECT pgml.norm_l1(ARRAY[1, -2]), pgml.norm_l1(ARRAY[1, -2]::smallint[]), pgml.norm_l1(ARRAY[1, -2]::bigint[]), pgml.norm_l1(ARRAY[1, -2.5]);
SELECT pgml.add(ARRAY[1, 2], 0.5), pgml.add(ARRAY[1, 2], ARRAY[1, 2]), pgml.add(ARRAY[1, 2]::real[], ARRAY[0.5, 2]), pgml.add(ARRAY[0.5, 2], ARRAY[1, 2]),
	pgml.add(ARRAY[1, 2]::float8[], ARRAY[1, 2]::real[]), pgml.add('{}'::int[], 1);
SELECT pgml.sum(v), pgml.max(v::numeric[]), pg_typeof(pgml.min_abs(v::bigint[])), pgml.max_abs(v::smallint[]) FROM (VALUES (ARRAY[1, -2]), ('{3,1}')) AS t(v);
-- A real is not widened on the way.
SELECT pgml.add(ARRAY[0.1]::real[], 0.2::real) = ARRAY[0.1::real + 0.2::real] AS real_arithmetic;
SELECT pgml.add('{}'::real[], 1), pgml.add('{}'::float8[], '{}'::float8[]), pgml.normalize_l2('{}'::real[]),
	pgml.norm_l2('{}'::real[]), pgml.norm_max('{}'::float8[]), pgml.distance_l1('{}'::real[], '{}'::real[]);
SELECT pgml.add(NULL::real[], 1) IS NULL, pgml.dot_product(ARRAY[1]::real[], NULL) IS NULL;
-- A lower bound other than 1 is a vector all the same.
SELECT pgml.add('[0:1]={1,2}'::real[], '[5:6]={1,1}'::real[]);

-- Norms.
SELECT pgml.norm_l0(v), pgml.norm_l1(v), pgml.norm_l2(v), pgml.norm_max(v), pg_typeof(pgml.norm_l2(v)) FROM (VALUES (ARRAY[3, 0, -4]::real[])) AS t(v);
SELECT pgml.norm_l0(v), pgml.norm_l1(v), pgml.norm_l2(v), pgml.norm_max(v), pg_typeof(pgml.norm_l2(v)) FROM (VALUES (ARRAY[3, 0, -4]::float8[])) AS t(v);
SELECT pgml.normalize_l1(v), pgml.normalize_l2(v), pgml.normalize_max(v) FROM (VALUES (ARRAY[3, 0, -4]::real[])) AS t(v);
SELECT pgml.normalize_l1(v), pgml.normalize_l2(v), pgml.normalize_max(v) FROM (VALUES (ARRAY[3, 0, -4]::float8[])) AS t(v);
SELECT pgml.normalize_l2(ARRAY[0, 0]::real[]);
-- The sum of squares leaves the range of double precision, the norm does not.
SELECT pgml.norm_l2(ARRAY[3e200, 4e200]), pgml.norm_l2(ARRAY[3e-200, 4e-200]), pgml.normalize_l2(ARRAY[3e200, -4e200]);
SELECT pgml.norm_l2(ARRAY[3e30, 4e30]::real[]), pgml.distance_l2(ARRAY[3e200, 0], ARRAY[0, -4e200]);

-- Distances.
SELECT pgml.distance_l1(a, b), pgml.distance_l2(a, b), pgml.dot_product(a, b), pgml.cosine_similarity(a, b), pg_typeof(pgml.dot_product(a, b))
FROM (VALUES (ARRAY[1, 2, 3]::real[], ARRAY[4, 6, 3]::real[])) AS t(a, b);
SELECT pgml.distance_l1(a, b), pgml.distance_l2(a, b), pgml.dot_product(a, b), pgml.cosine_similarity(a, b), pg_typeof(pgml.dot_product(a, b))
FROM (VALUES (ARRAY[1, 2, 3]::float8[], ARRAY[4, 6, 3]::float8[])) AS t(a, b);
SELECT pgml.cosine_similarity(ARRAY[0.1, 0.3], ARRAY[0.2, 0.6]), pgml.cosine_similarity(ARRAY[3e200, 0], ARRAY[-1e-200, 0]),
	pgml.cosine_similarity(ARRAY[3e-200, 4e-200], ARRAY[4e-200, 3e-200]);
-- Long vectors against plain SQL.
CREATE TABLE pairs AS SELECT i, array_agg(((i * j * 7919) % 1000 - 500) / 8.0::real ORDER BY j)::real[] AS a,
	array_agg(((i + j * 104729) % 777) / 4.0 ORDER BY j)::real[] AS b
FROM generate_series(1, 40) AS i, generate_series(1, 67) AS j WHERE j <= i + 27 GROUP BY i;
SELECT count(*) AS pairs,
	count(*) FILTER (WHERE pgml.dot_product(a, b) IS DISTINCT FROM expected.dot::real) AS dot,
	count(*) FILTER (WHERE pgml.distance_l1(a, b) IS DISTINCT FROM expected.l1::real) AS l1,
	count(*) FILTER (WHERE pgml.distance_l2(a, b) IS DISTINCT FROM sqrt(expected.l2)::real) AS l2,
	count(*) FILTER (WHERE pgml.norm_l1(a) IS DISTINCT FROM expected.norm::real) AS norm,
	count(*) FILTER (WHERE pgml.add(a, b) IS DISTINCT FROM expected.added) AS added,
	count(*) FILTER (WHERE pgml.multiply(a, 3) IS DISTINCT FROM expected.scaled) AS scaled
FROM pairs, LATERAL (
	SELECT pg_catalog.sum(x::float8 * y) AS dot, pg_catalog.sum(abs(x::float8 - y)) AS l1, pg_catalog.sum((x::float8 - y) ^ 2) AS l2,
		pg_catalog.sum(abs(x::float8)) AS norm, array_agg(x + y ORDER BY n) AS added, array_agg(x * 3::real ORDER BY n) AS scaled
	FROM unnest(a, b) WITH ORDINALITY AS u(x, y, n)) AS expected;

-- Not a number and infinity are values.
SELECT pgml.add('{NaN,Infinity,-Infinity}'::real[], 1), pgml.norm_max('{1,NaN,Infinity}'::float8[]), pgml.norm_l1('{1,-Infinity}'::real[]),
	pgml.dot_product('{Infinity,1}'::float8[], '{1,2}'), pgml.divide('{1,NaN}'::float8[], '{Infinity,0}'::float8[]);

-- Errors.
SELECT error_of('SELECT pgml.' || f || '(ARRAY[1, 2]::' || t || '[], ARRAY[1]::' || t || '[])') AS error, count(*)
FROM unnest(ARRAY['add', 'subtract', 'multiply', 'divide', 'distance_l1', 'distance_l2', 'dot_product', 'cosine_similarity']) AS f,
	unnest(ARRAY['real', 'float8', 'int']) AS t GROUP BY 1;
SELECT error_of($$SELECT pgml.add(ARRAY[1, NULL]::real[], 1)$$), error_of($$SELECT pgml.dot_product(ARRAY[1, 2]::float8[], ARRAY[NULL, 2]::float8[])$$);
SELECT error_of($$SELECT pgml.norm_l2('{{1,2},{3,4}}'::real[])$$);
SELECT error_of($$SELECT pgml.add(ARRAY[1e38]::real[], 3e38)$$), error_of($$SELECT pgml.multiply(ARRAY[1e200], ARRAY[1e200])$$),
	error_of($$SELECT pgml.dot_product(ARRAY[1e20]::real[], ARRAY[1e20]::real[])$$), error_of($$SELECT pgml.dot_product(ARRAY[1e200, -1e200], ARRAY[1e200, 1e200])$$),
	error_of($$SELECT pgml.norm_l1(ARRAY[1e308, 1e308])$$), left(error_of($$SELECT pgml.norm_l1(ARRAY[1e400])$$), 12), error_of($$SELECT pgml.distance_l2(ARRAY[3e38]::real[], ARRAY[-3e38]::real[])$$);
SELECT error_of($$SELECT pgml.divide(ARRAY[1, 2]::real[], 0)$$), error_of($$SELECT pgml.divide(ARRAY[1.0, 2.0], ARRAY[1.0, 0])$$),
	error_of($$SELECT pgml.cosine_similarity(ARRAY[0, 0]::real[], ARRAY[1, 2]::real[])$$);

-- Aggregates: element by element, NULL rows skipped, nothing gives '{}'.
CREATE TABLE vectors (g int, r real[], d float8[]);
INSERT INTO vectors VALUES (1, '{1,-2,3}', '{1,-2,3}'), (1, NULL, NULL), (1, '{0.5,4,-7}', '{0.5,4,-7}'), (2, '{NaN,Infinity,1}', '{NaN,Infinity,1}'),
	(2, '{1,2,-1}', '{1,2,-1}'), (3, NULL, NULL);
SELECT g, pgml.sum(r), pgml.min(r), pgml.max(r), pgml.min_abs(r), pgml.max_abs(r) FROM vectors GROUP BY g ORDER BY g;
SELECT g, pgml.sum(d), pgml.min(d), pgml.max(d), pgml.min_abs(d), pgml.max_abs(d) FROM vectors GROUP BY g ORDER BY g;
SELECT pgml.sum(r), pgml.max(d), pg_typeof(pgml.sum(r)), pg_typeof(pgml.sum(d)) FROM vectors WHERE false;
SELECT pgml.sum(ARRAY[1, 2]::real[]) OVER (ORDER BY g ROWS UNBOUNDED PRECEDING) FROM generate_series(1, 3) AS g;
SELECT pgml.sum(v) FILTER (WHERE v[1] > 1), pgml.sum(DISTINCT v) FROM (VALUES (ARRAY[1, 1]::real[]), ('{2,1}'), ('{2,1}')) AS t(v);
-- An infinity that was given is no overflow; one that arises is.
SELECT pgml.sum(v) FROM (VALUES ('{1e308,Infinity}'::float8[]), ('{1,1}'), ('{1,-Infinity}')) AS t(v);
SELECT error_of($$SELECT pgml.sum(v) FROM (VALUES ('{1e308}'::float8[]), ('{1e308}')) AS t(v)$$),
	error_of($$SELECT pgml.sum(v) FROM (VALUES ('{1e308,Infinity}'::float8[]), ('{1e308,1}')) AS t(v)$$),
	error_of($$SELECT pgml.sum(v) FROM (VALUES ('{3e38}'::real[]), ('{3e38}')) AS t(v)$$),
	error_of($$SELECT pgml.max(v) FROM (VALUES ('{1}'::real[]), ('{1,2}')) AS t(v)$$),
	error_of($$SELECT pgml.sum(v) FROM (VALUES ('{}'::real[]), ('{1,2}')) AS t(v)$$),
	error_of($$SELECT pgml.min(v) FROM (VALUES ('{1,NULL}'::real[])) AS t(v)$$),
	error_of($$SELECT pgml.min_abs(v) FROM (VALUES ('{{1}}'::float8[])) AS t(v)$$);

-- In parallel, the same.
CREATE TABLE many AS SELECT i, ARRAY[i % 10, -i, i / 4.0, 0.5]::real[] AS r, ARRAY[i % 10, -i, i / 4.0, 0.5]::float8[] AS d FROM generate_series(1, 5000) AS i;
INSERT INTO many SELECT i, NULL, NULL FROM generate_series(1, 10) AS i;
ANALYZE many;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT pgml.sum(r) FROM many;
CREATE TABLE in_parallel AS SELECT pgml.sum(r) AS s, pgml.min(r) AS mi, pgml.max(r) AS ma, pgml.min_abs(r) AS mia, pgml.max_abs(r) AS maa,
	pgml.sum(d) AS sd, pgml.min(d) AS mid, pgml.max(d) AS mad, pgml.min_abs(d) AS miad, pgml.max_abs(d) AS maad FROM many;
SET max_parallel_workers_per_gather = 0;
SELECT * FROM in_parallel;
SELECT in_parallel = one AS same FROM in_parallel, (SELECT pgml.sum(r) AS s, pgml.min(r) AS mi, pgml.max(r) AS ma, pgml.min_abs(r) AS mia, pgml.max_abs(r) AS maa,
	pgml.sum(d) AS sd, pgml.min(d) AS mid, pgml.max(d) AS mad, pgml.min_abs(d) AS miad, pgml.max_abs(d) AS maad FROM many) AS one;

-- All are safe for indexes and parallel plans.
SELECT count(*) AS functions, count(*) FILTER (WHERE provolatile = 'i' AND proparallel = 's' AND proisstrict) AS as_promised
FROM pg_proc WHERE pronamespace = 'pgml'::regnamespace AND prosrc ~ '^pgml_array_(add|sub|mul|div|norm|dist|dot|cos)';
-- The names of built-in aggregates keep their meaning for other types, also with pgml in front of the path.
SET search_path = pgml, regress_arrays, public;
SELECT sum(i), min(i), max(i), min('x'::text) FROM (VALUES (1), (2)) AS t(i);
RESET search_path;
DROP SCHEMA regress_arrays CASCADE;
