-- Every shape of call that PostgresML's users write, also those that were ambiguous or refused there.
SET client_min_messages = warning;
CREATE SCHEMA compat_calls;
SET search_path = compat_calls, public;
-- 10 * a + b, exactly.
CREATE TABLE source AS SELECT (i % 17)::real AS a, (i % 5)::real AS b, (i % 17) * 10 + i % 5 AS y FROM generate_series(1, 300) i;
SELECT algorithm FROM pgml.train('compat calls', 'regression', 'compat_calls.source', 'y');
SELECT id AS model FROM pgml.deployed_models WHERE name = 'compat calls' \gset
CREATE FUNCTION show(double precision) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$SELECT round($1::numeric, 1) + 0.0$$;
-- Runs what must be refused and gives the error, without the model's number.
CREATE FUNCTION refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text;
BEGIN
	EXECUTE statement;
	RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL;
	RETURN regexp_replace(sqlstate || ' ' || sqlerrm || coalesce(E'\n' || nullif(d, ''), ''), 'model \d+', 'model N');
END$$;

-- The literal of the documentation, ARRAY[0.1, 2.0, 5.0], is numeric[], and was "not unique".
SELECT show(pgml.predict('compat calls', ARRAY[3.0, 2.0])) AS project, show(pgml.predict(:model, ARRAY[3.0, 2.0])) AS model,
	show(pgml.predict('compat calls', ARRAY[0.1, 2.0])) AS fractions;
-- Each array type, with a project and with a model id.
SELECT show(pgml.predict('compat calls', ARRAY[3, 2]::real[])) AS real, show(pgml.predict('compat calls', ARRAY[3, 2]::float8[])) AS float8,
	show(pgml.predict('compat calls', ARRAY[3, 2]::smallint[])) AS smallint, show(pgml.predict('compat calls', ARRAY[3, 2])) AS int,
	show(pgml.predict('compat calls', ARRAY[3, 2]::bigint[])) AS bigint, show(pgml.predict('compat calls', ARRAY[true, true])) AS bool;
SELECT show(pgml.predict(:model, ARRAY[3, 2]::real[])) AS real, show(pgml.predict(:model, ARRAY[3, 2]::float8[])) AS float8,
	show(pgml.predict(:model, ARRAY[3, 2]::smallint[])) AS smallint, show(pgml.predict(:model, ARRAY[3, 2])) AS int,
	show(pgml.predict(:model, ARRAY[3, 2]::bigint[])) AS bigint, show(pgml.predict(:model, ARRAY[true, true])) AS bool;
-- Arrays of columns of different types, which PostgreSQL makes one type of; two dimensions.
SELECT show(pgml.predict('compat calls', ARRAY[a::real, 2::int])) AS real_int, show(pgml.predict('compat calls', ARRAY[a::real, 2.0::numeric])) AS real_numeric,
	show(pgml.predict('compat calls', ARRAY[a::real, 2::float8])) AS real_float8, show(pgml.predict('compat calls', ARRAY[[a], [2]]::smallint[][])) AS nested
FROM (VALUES (3)) v(a);
-- Rows: anonymous, with names, of a table, of a model id.
SELECT show(pgml.predict('compat calls', ROW(3, 2))) AS row, show(pgml.predict('compat calls', (3, 2))) AS parentheses,
	show(pgml.predict(:model, ROW(3, 2))) AS model, show(pgml.predict('compat calls', ROW(3::real, 2::bigint))) AS mixed;
SELECT count(*), bool_and(abs(pgml.predict('compat calls', s) - y) < 0.01) AS row, bool_and(abs(pgml.predict('compat calls', s.*) - y) < 0.01) AS star,
	bool_and(abs(pgml.predict(:model, s) - y) < 0.01) AS model FROM source s;
-- Scalars, which were not a call there.
SELECT show(pgml.predict('compat calls', 3, 2)) AS scalars, show(pgml.predict(:model, 3, 2.0)) AS model;
-- An untyped literal was ambiguous. Here it is one argument of no type, for a model of two features: told so.
SELECT refused($$SELECT pgml.predict('compat calls', '{3,2}')$$);
SELECT show(pgml.predict('compat calls', '{3,2}'::real[])) AS cast;
-- A model id as text is a project's name, and the error says so.
SELECT pgml.predict('1', ARRAY[3, 2]);
SELECT * FROM pgml.deploy('1', 'most_recent');
-- A vector of the wrong length is refused, not cut or read beyond its end.
SELECT refused($$SELECT pgml.predict('compat calls', ARRAY[3, 2, 1])$$);
SELECT refused($$SELECT pgml.predict('compat calls', ARRAY[3])$$);
SELECT refused($$SELECT pgml.predict('compat calls', ARRAY[]::real[])$$);
-- NULL elements and NULL arrays are missing values.
SELECT pgml.predict('compat calls', ARRAY[3, NULL]) = pgml.predict('compat calls', 3, NULL) AS element, pgml.predict('compat calls', NULL::real[]) IS NOT NULL AS array;
-- predict_batch: rows one behind the other, a set for a project, an array for a model; an incomplete row is refused.
SELECT show(p) FROM pgml.predict_batch('compat calls', ARRAY[3, 2, 1, 4]) AS p;
SELECT pgml.predict_batch(:model, ARRAY[3, 2, 1, 4]::real[])::numeric(5, 1)[];
SELECT refused($$SELECT pgml.predict_batch('compat calls', ARRAY[3, 2, 1])$$);
-- The lockstep idiom of their documentation for batches.
SELECT count(*), bool_and(abs(p - y) < 0.01) FROM (
	SELECT unnest(array_agg(y ORDER BY a, b)) AS y, pgml.predict_batch('compat calls', array_agg(ARRAY[a, b] ORDER BY a, b)) AS p FROM source) AS batch;
-- predict_proba of a regression is refused.
SELECT refused($$SELECT pgml.predict_proba('compat calls', ARRAY[3, 2])$$);
-- Train and deploy as a set and in the select list; positional and named arguments; any runtime.
SELECT pgml.train('compat calls', 'regression', 'compat_calls.source', 'y', 'ridge', automatic_deploy => false);
SELECT * FROM pgml.train(project_name => 'compat calls', algorithm => 'linear', runtime => 'python', hyperparams => '{}', test_size => 0.5, test_sampling => 'last');
SELECT * FROM pgml.train('compat calls', algorithm => 'linear', runtime => 'rust', test_size => 20);
SELECT (pgml.deploy('compat calls', 'most_recent')).strategy;
SELECT * FROM pgml.deploy(project_name => 'compat calls', strategy => 'best_score', algorithm => 'ridge');
SELECT * FROM pgml.deploy(:model);
-- load_dataset: the table, and the rows asked for.
SELECT * FROM pgml.load_dataset('iris', "limit" => 120);
SELECT count(*) FROM pgml.iris;
SELECT * FROM pgml.load_dataset('iris');
-- Vector functions: of mixed types the double precision one, and no silent truncation.
SELECT pgml.add(ARRAY[1.0, 2.0, 3.0], 3), pg_typeof(pgml.add(ARRAY[1.0, 2.0, 3.0], 3)), pg_typeof(pgml.add(ARRAY[1, 2]::real[], 3));
SELECT pgml.add(ARRAY[1, 2]::real[], ARRAY[1]::real[]);
SELECT pgml.dot_product(ARRAY[1, 2, 3]::real[], ARRAY[1, 2]::real[]);
SELECT pgml.dot_product(ARRAY[1, NULL]::real[], ARRAY[1, 2]::real[]);

SELECT pgml.drop_project('compat calls');
DROP SCHEMA compat_calls CASCADE;
