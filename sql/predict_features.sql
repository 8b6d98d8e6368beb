-- Every way to give features and every type they may have. The model is linear and exact, so that answers can be read.
SET client_min_messages = warning;
CREATE SCHEMA features_test;
SET search_path = features_test, public;

-- 10 * a + b, and 1000 more where c is 'x', 2000 more where it is 'y'; d adds 5.
CREATE TABLE source AS
	SELECT (i % 17)::real AS a, (i % 5)::real AS b, (ARRAY['w', 'x', 'y', ''])[i % 4 + 1] AS c, i % 3 = 0 AS d,
		(i % 17) * 10 + i % 5 + CASE i % 4 WHEN 1 THEN 1000 WHEN 2 THEN 2000 ELSE 0 END
			+ CASE WHEN i % 3 = 0 THEN 5 ELSE 0 END::float8 AS y
	FROM generate_series(1, 600) i;
SELECT algorithm FROM pgml.train('features', 'regression', 'features_test.source', 'y', 'linear');
CREATE VIEW source_ab AS SELECT a, b, a * 10 + b AS y FROM source;
SELECT algorithm FROM pgml.train('features ab', 'regression', 'features_test.source_ab', 'y', 'linear');
CREATE FUNCTION show(double precision) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$SELECT round($1::numeric, 1) + 0.0$$;

-- Numbers and booleans of every type, for numeric and boolean features.
SELECT show(pgml.predict('features ab', 3::int2, 2::int2)) AS int2, show(pgml.predict('features ab', 3::int4, 2::int4)) AS int4,
	show(pgml.predict('features ab', 3::int8, 2::int8)) AS int8, show(pgml.predict('features ab', 3::float4, 2::float4)) AS float4,
	show(pgml.predict('features ab', 3::float8, 2::float8)) AS float8, show(pgml.predict('features ab', 3.0, 2.00)) AS numeric,
	show(pgml.predict('features ab', true, false)) AS bool, show(pgml.predict('features ab', 3::int2, 2.5::float8)) AS mixed;
SELECT show(pgml.predict('features', 3, 2, 'x', true)) AS bool, show(pgml.predict('features', 3, 2, 'x', 1)) AS one,
	show(pgml.predict('features', 3, 2, 'x', 0.0)) AS zero, show(pgml.predict('features', 3, 2, 'x', false)) AS "false";

-- Texts of every type. Character(n) without its padding.
CREATE TYPE mood AS ENUM ('w', 'x', 'y', '');
SELECT show(pgml.predict('features', 3, 2, 'y', true)) AS literal, show(pgml.predict('features', 3, 2, 'y'::text, true)) AS text,
	show(pgml.predict('features', 3, 2, 'y'::varchar(9), true)) AS varchar, show(pgml.predict('features', 3, 2, 'y'::char(9), true)) AS char,
	show(pgml.predict('features', 3, 2, 'y'::name, true)) AS name, show(pgml.predict('features', 3, 2, 'y'::"char", true)) AS one_char,
	show(pgml.predict('features', 3, 2, 'y'::mood, true)) AS enum;
SELECT show(pgml.predict('features', 3, 2, '', true)) AS literal, show(pgml.predict('features', 3, 2, ''::text, true)) AS text,
	show(pgml.predict('features', 3, 2, ''::char(9), true)) AS char, show(pgml.predict('features', 3, 2, ''::"char", true)) AS one_char,
	show(pgml.predict('features', 3, 2, ''::mood, true)) AS enum;
-- A long text, compressed and out of line, is only a category nobody has seen.
CREATE TABLE long_texts (t text);
INSERT INTO long_texts SELECT repeat('x', 100000);
ALTER TABLE long_texts ALTER t SET STORAGE EXTERNAL;
INSERT INTO long_texts SELECT string_agg(md5(i::text), '') FROM generate_series(1, 1000) i;
SELECT count(*), bool_and(pgml.predict('features', 3, 2, t, true) = pgml.predict('features', 3, 2, NULL, true)) AS missing FROM long_texts;

-- Domains.
CREATE DOMAIN positive AS int CHECK (value > 0);
CREATE DOMAIN small_positive AS positive;
CREATE DOMAIN letter AS text;
CREATE DOMAIN pair AS real[] CHECK (array_length(value, 1) = 2);
CREATE DOMAIN letter_padded AS char(5);
SELECT show(pgml.predict('features', 3::small_positive, 2::positive, 'y'::letter, true)) AS scalars,
	show(pgml.predict('features', 3::small_positive, 2::positive, 'y'::letter_padded, true)) AS padded,
	show(pgml.predict('features ab', '{3,2}'::pair)) AS vector,
	show(pgml.predict('features ab', ARRAY[3, 2]::small_positive[])) AS vector_of_domain;

-- Values that no float32 holds: rounded, never an error.
SELECT pgml.predict('features ab', 16777217, 0) = pgml.predict('features ab', 16777216::float8, 0) AS int4,
	pgml.predict('features ab', 16777217::int8, 0) = pgml.predict('features ab', 16777216, 0) AS int8,
	pgml.predict('features ab', 0.1::float8, 0) = pgml.predict('features ab', 0.1::float4, 0) AS float8,
	pgml.predict('features ab', 0.1, 0) = pgml.predict('features ab', 0.1::float4, 0) AS numeric;
SELECT pgml.predict('features ab', 1e300, 0) > 1e38 AS float8, pgml.predict('features ab', -1e300, 0) < -1e38 AS negative,
	pgml.predict('features ab', '1e5000'::numeric, 0) > 1e38 AS numeric, pgml.predict('features ab', '-Infinity'::numeric, 0) < -1e38 AS minus_infinity,
	show(pgml.predict('features ab', '1e-5000'::numeric, 2)) AS tiny, show(pgml.predict('features ab', 1e-300, 2)) AS tiny8,
	pgml.predict('features ab', 'NaN'::numeric, 2) = pgml.predict('features ab', NULL, 2) AS nan;

-- NULL of every kind is one missing value.
SELECT count(DISTINCT p) FROM (VALUES (pgml.predict('features ab', NULL, 2)), (pgml.predict('features ab', NULL::int, 2)),
	(pgml.predict('features ab', NULL::numeric, 2)), (pgml.predict('features ab', NULL::bool, 2)), (pgml.predict('features ab', 'NaN'::float8, 2)),
	(pgml.predict('features ab', ARRAY[NULL, 2])), (pgml.predict('features ab', ROW(NULL, 2))), (pgml.predict('features ab', ARRAY['NaN', 2]::float4[]))) v(p);
SELECT count(DISTINCT p) FROM (VALUES (pgml.predict('features ab', NULL, NULL)), (pgml.predict('features ab', NULL::real[])),
	(pgml.predict('features ab', NULL::source_ab)), (pgml.predict('features ab', VARIADIC NULL::int[]))) v(p);

-- The vector form: every numeric array, nested ones, NULL elements, VARIADIC.
SELECT show(pgml.predict('features ab', ARRAY[3, 2])) AS int4, show(pgml.predict('features ab', ARRAY[3, 2]::int2[])) AS int2,
	show(pgml.predict('features ab', ARRAY[3, 2]::int8[])) AS int8, show(pgml.predict('features ab', ARRAY[3, 2]::float4[])) AS float4,
	show(pgml.predict('features ab', ARRAY[3, 2]::float8[])) AS float8, show(pgml.predict('features ab', ARRAY[3.0, 2.0])) AS numeric,
	show(pgml.predict('features ab', ARRAY[true, false])) AS bool, show(pgml.predict('features ab', ARRAY[[3], [2]])) AS nested,
	show(pgml.predict('features ab', VARIADIC ARRAY[3, 2])) AS variadic, show(pgml.predict('features ab', '[5:6]={3,2}'::int[])) AS bounds;
SELECT pgml.predict('features ab', ARRAY[3, NULL]::float8[]) = pgml.predict('features ab', 3, NULL) AS null_element,
	pgml.predict('features ab', ARRAY[NULL, 2]::numeric[]) = pgml.predict('features ab', NULL, 2) AS null_first,
	pgml.predict('features ab', ARRAY[NULL, 2]::float4[]) = pgml.predict('features ab', NULL, 2) AS null_float4,
	pgml.predict('features ab', ARRAY[NULL, true]::bool[]) = pgml.predict('features ab', NULL, true) AS null_bool;
-- Out of a table, where arrays are packed or toasted.
CREATE TABLE vectors (id int, v4 float4[], v8 float8[], vn numeric[], vi int[]);
INSERT INTO vectors SELECT i, ARRAY[i, i % 3], ARRAY[i, i % 3], ARRAY[i, i % 3], ARRAY[i, i % 3] FROM generate_series(1, 50) i;
SELECT count(*), bool_and(pgml.predict('features ab', v4) = pgml.predict('features ab', id, id % 3)) AS v4,
	bool_and(pgml.predict('features ab', v8) = pgml.predict('features ab', id, id % 3)) AS v8,
	bool_and(pgml.predict('features ab', vn) = pgml.predict('features ab', id, id % 3)) AS vn,
	bool_and(pgml.predict('features ab', VARIADIC vi) = pgml.predict('features ab', id, id % 3)) AS vi FROM vectors;
-- An expanded array of PL/pgSQL.
DO $$
DECLARE v float8[] := ARRAY[0, 0];
BEGIN
	v[1] := 3;
	v[2] := 2;
	RAISE WARNING '%', features_test.show(pgml.predict('features ab', v));
END$$;

-- A model of texts only takes a text array.
CREATE TABLE words AS SELECT (ARRAY['p', 'q'])[i % 2 + 1] AS one, (ARRAY['r', 's', 't'])[i % 3 + 1] AS two, i % 2 * 10 + i % 3 AS y
	FROM generate_series(1, 300) i;
SELECT algorithm FROM pgml.train('features words', 'regression', 'features_test.words', 'y', 'linear');
SELECT show(pgml.predict('features words', 'q', 't')) AS scalars, show(pgml.predict('features words', ARRAY['q', 't'])) AS vector,
	show(pgml.predict('features words', VARIADIC ARRAY['q', 't']::varchar[])) AS variadic,
	show(pgml.predict('features words', ARRAY['q', 't']::char(4)[])) AS padded,
	pgml.predict('features words', ARRAY['q', NULL]) = pgml.predict('features words', 'q', NULL) AS null_element;

-- The row form. Named rows by column name, whatever the order and whatever else they hold.
SELECT bool_and(abs(pgml.predict('features', s) - y) < 0.01) AS table_row, count(*) FROM source s;
SELECT bool_and(abs(pgml.predict('features', s.*) - y) < 0.01) AS star, count(*) FROM source s;
CREATE TABLE other (d bool, extra text, c text, dropped int, b numeric, "A" int, a int8);
ALTER TABLE other DROP dropped;
INSERT INTO other VALUES (true, 'hello', 'x', 2, 77, 3), (false, NULL, 'y', NULL, NULL, 1);
ALTER TABLE other ADD later real DEFAULT 1;
SELECT show(pgml.predict('features', o)), pgml.predict('features', o) = pgml.predict('features', a, b, c, d) AS same FROM other o;
CREATE TYPE inputs AS (b real, a real);
CREATE DOMAIN checked_inputs AS inputs CHECK ((value).a > 0);
SELECT show(pgml.predict('features ab', ROW(2, 3)::inputs)) AS type, show(pgml.predict('features ab', ROW(2, 3)::checked_inputs)) AS domain;
-- A column that came after the rows were written has its default there.
CREATE TABLE grown (a real);
INSERT INTO grown VALUES (3);
ALTER TABLE grown ADD b real DEFAULT 2;
SELECT show(pgml.predict('features ab', g)) FROM grown g;
-- Children are rows of the parent.
CREATE TABLE parent (a real, b real);
CREATE TABLE child (more text, b real, a real);
ALTER TABLE child INHERIT parent;
INSERT INTO child VALUES ('m', 2, 3);
SELECT show(pgml.predict('features ab', p)) FROM parent p;
-- A row type that changes under a cached expression.
CREATE FUNCTION from_row(inputs) RETURNS float8 LANGUAGE plpgsql AS $$BEGIN RETURN pgml.predict('features ab', $1); END$$;
SELECT show(from_row(ROW(2, 3)::inputs));
ALTER TYPE inputs ADD ATTRIBUTE c int;
ALTER TYPE inputs DROP ATTRIBUTE b;
ALTER TYPE inputs ADD ATTRIBUTE b numeric;
SELECT show(from_row(ROW(3, 9, 2)::inputs));

-- Anonymous records by position, rows of subqueries by their names.
SELECT show(pgml.predict('features ab', ROW(3, 2))) AS row, show(pgml.predict('features ab', (3, 2))) AS parentheses,
	show(pgml.predict('features', (3, 2.0, 'x'::text, true))) AS mixed, show(pgml.predict('features', (3, 2.0, 'x', true))) AS literal;
SELECT show(pgml.predict('features ab', q)) FROM (SELECT 2 AS b, 'z' AS other, 3 AS a) q;
SELECT show(pgml.predict('features ab', q)) FROM (SELECT 2 AS b, 'z' AS other, 3 AS a OFFSET 0) q;
SELECT show(pgml.predict('features ab', v)) FROM (VALUES (3, 2), (4, 1)) v;
SELECT show(pgml.predict('features ab', r)) FROM json_to_recordset('[{"b": 2, "a": 3}, {"a": 4}]') r(b real, a real);
-- Records of different shapes through one call.
CREATE FUNCTION shape(i int) RETURNS record LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	IF i % 2 = 0 THEN SELECT 2 AS b, 3 AS a INTO r; ELSE SELECT 3::numeric AS a, true AS extra, 2 AS b INTO r; END IF;
	RETURN r;
END$$;
SELECT i, show(pgml.predict('features ab', shape(i))) FROM generate_series(1, 4) i;
-- Columns called as the parser calls those of ROW(...): only where names and positions agree.
CREATE TABLE f_names AS SELECT (i % 17)::real AS f2, (i % 5)::real AS f1, (i % 17) * 10 + i % 5 AS y FROM generate_series(1, 100) i;
SELECT algorithm FROM pgml.train('features f', 'regression', 'features_test.f_names', 'y', 'linear');
SELECT show(pgml.predict('features f', 3, 2)) AS scalars, show(pgml.predict('features f', f)) AS named FROM (VALUES (ROW(3, 2, 0)::f_names)) v(f);
\set VERBOSITY sqlstate
SELECT pgml.predict('features f', ROW(3, 2));
\set VERBOSITY default

-- Array features, alone and among others.
CREATE TABLE pictures AS SELECT ARRAY[i % 7, i % 5, i % 3]::real[] AS pixels, (i % 4)::int AS shade,
	(i % 7) * 100 + (i % 5) * 10 + i % 3 + (i % 4) * 1000 AS y FROM generate_series(1, 500) i;
SELECT algorithm FROM pgml.train('features pictures', 'regression', 'features_test.pictures', 'y', 'linear');
SELECT show(pgml.predict('features pictures', ARRAY[6, 4, 2], 3)) AS scalars, show(pgml.predict('features pictures', ARRAY[6, 4, 2, 3])) AS vector,
	show(pgml.predict('features pictures', ARRAY[[6], [4], [2]]::int8[], 3.0)) AS nested, show(pgml.predict('features pictures', p)) AS row,
	show(pgml.predict('features pictures', (ARRAY[6, 4, 2], 3))) AS record
FROM (VALUES (ARRAY[6, 4, 2]::real[], 3)) p(pixels, shade);
SELECT pgml.predict('features pictures', NULL, 3) = pgml.predict('features pictures', ARRAY[NULL, NULL, NULL]::real[], 3) AS null_array,
	pgml.predict('features pictures', ARRAY[6, NULL, 2], 3) = pgml.predict('features pictures', ARRAY[6, NULL, 2, 3]) AS null_element;
CREATE VIEW squares AS SELECT ARRAY[[i % 7, i % 5], [i % 3, i % 2]] AS square, (i % 7) * 100 + (i % 5) * 10 + i % 3 + i % 2 * 1000 AS y FROM generate_series(1, 500) i;
SELECT algorithm FROM pgml.train('features squares', 'regression', 'features_test.squares', 'y', 'linear');
SELECT bool_and(abs(pgml.predict('features squares', square) - y) < 0.01) AS matrix, bool_and(abs(pgml.predict('features squares', s) - y) < 0.01) AS row FROM squares s;

-- Arrays of one element, which stand for a single number.
CREATE VIEW ones AS SELECT ARRAY[i % 7] AS one, i % 3 AS b, i % 7 * 10 + i % 3 AS y FROM generate_series(1, 200) i;
SELECT algorithm FROM pgml.train('features ones', 'regression', 'features_test.ones', 'y', 'linear');
SELECT show(pgml.predict('features ones', ARRAY[6], 2)) AS array, show(pgml.predict('features ones', 6, 2)) AS scalar,
	bool_and(abs(pgml.predict('features ones', one, b) - y) < 0.01) AS columns, bool_and(abs(pgml.predict('features ones', o) - y) < 0.01) AS row FROM ones o;

-- One feature.
CREATE VIEW single AS SELECT a, a * 2 AS y FROM source;
SELECT algorithm FROM pgml.train('features single', 'regression', 'features_test.single', 'y', 'linear');
SELECT show(pgml.predict('features single', 4)) AS scalar, show(pgml.predict('features single', ARRAY[4])) AS vector,
	show(pgml.predict('features single', ROW(4))) AS row, pgml.predict('features single', NULL) IS NOT NULL AS missing;

-- More features than a function has arguments.
DO $$
BEGIN
	EXECUTE (SELECT 'CREATE TABLE features_test.wide AS SELECT ' || string_agg(format('(hashint4(i * 1000 + %s) %% 100)::real AS x%s', n, n), ', ')
		|| ', hashint4(i * 1000 + 1) % 100 + 2 * (hashint4(i * 1000 + 150) % 100) AS y FROM generate_series(1, 600) i' FROM generate_series(1, 150) n);
END$$;
SELECT algorithm FROM pgml.train('features wide', 'regression', 'features_test.wide', 'y', 'linear');
SELECT bool_and(abs(pgml.predict('features wide', w) - y) < 0.1) AS row, count(*) FROM wide w;
SELECT show(pgml.predict('features wide', array_fill(1, ARRAY[150]))) AS vector;

-- Batches take features through the same door. What a filter keeps away from a call cannot make it fail.
SELECT bool_and(abs(p - y) < 0.01), count(*) FROM (SELECT pgml.predict('features', a, b, c, d) AS p, y FROM source OFFSET 0) x;
CREATE TABLE ragged AS SELECT i, CASE WHEN i % 2 = 0 THEN ARRAY[3, 2] ELSE ARRAY[i] END AS v FROM generate_series(1, 100) i;
SELECT count(*), sum(show(pgml.predict('features ab', v))) FROM ragged WHERE pgml.predict('features single', i % 2) < 1;
SELECT count(CASE WHEN cardinality(v) = 2 THEN pgml.predict('features ab', v) END) FROM ragged;
SELECT count(*) FROM ragged WHERE cardinality(v) = 2 AND pgml.predict('features ab', v) > 0;
\set VERBOSITY sqlstate
SELECT count(*) FROM ragged WHERE pgml.predict('features ab', v) > 0;
\set VERBOSITY default

DELETE FROM pgml.projects WHERE name LIKE 'features%';
DROP SCHEMA features_test CASCADE;
