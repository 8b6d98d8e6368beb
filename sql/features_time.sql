-- Dates and timestamps as features: days since 2000-01-01. Enums, domains and numerics keep their values.
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA times;
SET search_path = times, public;
CREATE FUNCTION show(double precision) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$SELECT round($1::numeric, 2)$$;
-- Runs what must be refused and gives the error, without the model's number.
CREATE FUNCTION refused(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE d text;
BEGIN
	EXECUTE statement;
	RETURN 'not refused';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS d = PG_EXCEPTION_DETAIL;
	RETURN regexp_replace(sqlstate || ' ' || sqlerrm || coalesce(E'\n' || nullif(d, ''), ''), '([Mm])odel \d+', '\1odel N', 'g');
END$$;
-- y = 2 * days since 2020-01-01.
CREATE TABLE sales AS SELECT DATE '2020-01-01' + i AS day, i % 7 AS shop, 2 * i AS y FROM generate_series(1, 700) i;
SELECT algorithm FROM pgml.train('times', 'regression', 'times.sales', 'y', 'linear');
SELECT pgml.describe('times') -> 'features' AS features;
-- Every day has its own value, also far away.
SELECT count(*), bool_and(abs(pgml.predict('times', s) - y) < 0.01) AS exact FROM sales s;
SELECT show(pgml.predict('times', DATE '2020-01-02', 3)) AS date, show(pgml.predict('times', TIMESTAMP '2020-01-02 12:00', 3)) AS noon,
	show(pgml.predict('times', TIMESTAMPTZ '2020-01-02 00:00+00', 3)) AS timestamptz, show(pgml.predict('times', ROW(DATE '2020-01-02', 3))) AS row,
	show(pgml.predict('times', q)) AS by_name
FROM (SELECT 3 AS shop, DATE '2020-01-02' AS day) q;
SELECT show(pgml.predict('times', DATE '9999-12-31', 3) - pgml.predict('times', DATE '9999-12-30', 3)) AS one_day,
	show(pgml.predict('times', DATE '0001-01-02 BC', 3) - pgml.predict('times', DATE '0001-01-01 BC', 3)) AS long_ago;
-- The time zone of the session does not matter.
SELECT pgml.predict('times', TIMESTAMPTZ '2020-06-01 12:00+00', 3) AS p \gset
SET timezone = 'Asia/Tokyo';
SELECT pgml.predict('times', TIMESTAMPTZ '2020-06-01 12:00+00', 3) = :p AS same;
RESET timezone;
-- NULL is missing; infinity counts as the largest number and does not fail.
SELECT pgml.predict('times', NULL, 3) = pgml.predict('times', NULL::date, 3) AS missing, pgml.predict('times', 'infinity'::date, 3) > 1e30 AS late,
	pgml.predict('times', '-infinity'::timestamp, 3) < -1e30 AS early;
-- A number, a text or an untyped literal is no date, and a date is no number.
SELECT refused($$SELECT pgml.predict('times', 7306, 3)$$);
SELECT refused($$SELECT pgml.predict('times', '2020-01-02'::text, 3)$$);
SELECT refused($$SELECT pgml.predict('times', DATE '2020-01-02', DATE '2020-01-02')$$);
SELECT refused($$SELECT pgml.predict('times', '2020-01-02', 3)$$);
SELECT refused($$SELECT pgml.predict('times', ARRAY[7306, 3])$$);
-- Trees, trained on timestamps with and without time zone; arrays of dates; domains.
CREATE DOMAIN moment AS timestamptz;
CREATE VIEW events AS SELECT TIMESTAMP '2024-03-01' + i * INTERVAL '1 hour' AS at, (TIMESTAMPTZ '2024-03-01 00:00+00' + i * INTERVAL '1 hour')::moment AS zoned,
	ARRAY[DATE '2024-01-01' + i, NULL] AS two, i % 24 >= 12 OR i > 600 AS late FROM generate_series(1, 1200) i;
SELECT algorithm FROM pgml.train('times trees', 'classification', 'times.events', 'late', 'random_forest', hyperparams => '{"n_estimators": 20}');
SELECT count(*), avg((pgml.predict('times trees', e) = late::int)::int) > 0.95 AS right FROM events e;
SELECT count(*), bool_and(pgml.predict('times trees', e) = pgml.predict('times trees', at, zoned, two)) AS same FROM events e;
SELECT value > 0.95 AS accurate FROM pgml.evaluate('times trees', 'times.events') WHERE metric = 'accuracy';
-- Both kinds of timestamp stand for the same instant in UTC.
SELECT bool_and(pgml.predict('times trees', zoned AT TIME ZONE 'UTC', at AT TIME ZONE 'UTC', two) = pgml.predict('times trees', at, zoned, two)) AS same FROM events;
-- A prediction column, stored model and batches read them as well.
CREATE TABLE orders (day date, shop int, forecast double precision GENERATED ALWAYS AS (pgml.predict('times', day, shop)) STORED) USING pgml;
INSERT INTO orders SELECT day, shop FROM sales;
SELECT count(*), show(sum(forecast)) AS batch FROM orders;
SET pgml.batch = off;
SELECT show(sum(forecast)) AS row FROM orders;
RESET pgml.batch;
SELECT pgml.import_model('times copy', pgml.export_model(id)) IS NOT NULL AS imported FROM pgml.deployed_models WHERE name = 'times';
SELECT pgml.predict('times copy', DATE '2020-01-02', 3) = pgml.predict('times', DATE '2020-01-02', 3) AS same;
-- Preprocessing works as on numbers; a date cannot be encoded, infinite ones cannot be learned from, and a time is no target.
CREATE VIEW gaps AS SELECT CASE WHEN shop > 0 THEN day END AS day, shop, y FROM sales;
SELECT algorithm FROM pgml.train('times gaps', 'regression', 'times.gaps', 'y', 'linear', preprocess => '{"day": {"impute": "min", "scale": "standard"}}', test_size => 0);
SELECT show(pgml.predict('times gaps', NULL, 3) - pgml.predict('times gaps', DATE '2020-01-02', 3)) AS imputed_by_the_first;
SELECT pgml.train('times wrong', 'regression', 'times.sales', 'y', preprocess => '{"day": {"encode": "one_hot"}}');
CREATE VIEW endless AS SELECT CASE WHEN shop > 0 THEN day ELSE 'infinity' END AS day, y FROM sales;
SELECT pgml.train('times wrong', 'regression', 'times.endless', 'y');
SELECT pgml.train('times wrong', 'regression', 'times.sales', 'day');
CREATE VIEW spans AS SELECT day - DATE '2020-01-01' AS n, INTERVAL '1 day' * shop AS span, y FROM sales;
SELECT pgml.train('times wrong', 'regression', 'times.spans', 'y');
SELECT refused($$SELECT pgml.predict_batch('times', ARRAY[1, 2])$$);
SELECT refused($$SELECT * FROM pgml.evaluate('times', 'times.spans')$$);

-- Enums are texts, of their labels.
CREATE TYPE size AS ENUM ('small', 'large');
CREATE DOMAIN price AS numeric(10, 2);
CREATE TABLE goods AS SELECT (CASE i % 2 WHEN 0 THEN 'small' ELSE 'large' END)::size AS size, (i % 9 + 0.25)::price AS price, i % 3 = 0 AS sold,
	(ARRAY['a', 'b '])[i % 2 + 1]::char(3) AS code, i % 2 * 100 + (i % 9 + 0.25) * 4 + (i % 3 = 0)::int * 10 AS y FROM generate_series(1, 600) i;
SELECT algorithm FROM pgml.train('times goods', 'regression', 'times.goods', 'y', 'linear');
SELECT bool_and(abs(pgml.predict('times goods', g) - y) < 0.05) AS exact, bool_and(abs(pgml.predict('times goods', size::text, price::real, sold, code::text) - y) < 0.05) AS as_text
FROM goods g;
SELECT f ->> 'name' AS name, f ->> 'type' AS type FROM jsonb_array_elements(pgml.describe('times goods') -> 'features') f;

DROP TABLE orders;
SELECT count(pgml.drop_project(name)) FROM (SELECT name FROM pgml.projects WHERE name LIKE 'times%' OFFSET 0) p;
DROP SCHEMA times CASCADE;
