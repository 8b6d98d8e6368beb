-- The family on trained models: values, classes, probabilities; versions, rights, and where a call can stand.
SET client_min_messages = warning;
CREATE SCHEMA predict_test;
SET search_path = predict_test, public;

-- A regression that least squares fits exactly: 100 * sqft + 1000 * beds, and 5000 more in Oslo.
CREATE TABLE houses AS
	SELECT i AS id, (i * 37 % 101)::real AS sqft, i % 5 AS beds, (ARRAY['Oslo', 'Rome', 'Bonn'])[i % 3 + 1] AS city,
		(i * 37 % 101) * 100 + (i % 5) * 1000 + CASE WHEN i % 3 = 0 THEN 5000 ELSE 0 END::float8 AS price
	FROM generate_series(1, 300) i;
CREATE VIEW houses_data AS SELECT sqft, beds, city, price FROM houses;
SELECT * FROM pgml.train('predict houses', 'regression', 'predict_test.houses_data', 'price', 'linear', test_size => 0.2);

SELECT round(pgml.predict('predict houses', 50, 3, 'Oslo')::numeric, 1) AS oslo,
	round(pgml.predict('predict houses', 50, 3, 'Rome')::numeric, 1) AS rome;
SELECT count(*), max(abs(pgml.predict('predict houses', sqft, beds, city) - price)) < 0.5 AS exact FROM houses;
SELECT pg_typeof(pgml.predict('predict houses', 50, 3, 'Oslo'));

-- NULL is a missing value, never a NULL answer; so is a category that training did not see.
SELECT pgml.predict('predict houses', NULL, 3, 'Oslo') IS NOT NULL AS no_sqft,
	pgml.predict('predict houses', NULL, NULL, NULL) IS NOT NULL AS nothing,
	pgml.predict('predict houses', 50, 3, 'Atlantis') = pgml.predict('predict houses', 50, 3, NULL) AS unseen,
	pgml.predict('predict houses', 'NaN'::real, 3, 'Oslo') = pgml.predict('predict houses', NULL, 3, 'Oslo') AS nan;

-- Classes: a text label, a numeric one, a boolean one.
CREATE TABLE flowers AS
	SELECT (i % 3) * 10 + i % 7 * 0.1 AS size, i % 11 AS noise, (ARRAY['setosa', 'versicolor', 'virginica'])[i % 3 + 1] AS name,
		(i % 3) * 2 + 1 AS number, i % 3 = 0 AS small
	FROM generate_series(1, 300) i;
CREATE VIEW flowers_text AS SELECT size, noise, name FROM flowers;
CREATE VIEW flowers_number AS SELECT size, noise, number FROM flowers;
CREATE VIEW flowers_boolean AS SELECT size, noise, small FROM flowers;
SELECT algorithm, deployed FROM pgml.train('predict text', 'classification', 'predict_test.flowers_text', 'name', 'xgboost');
SELECT algorithm, deployed FROM pgml.train('predict number', 'classification', 'predict_test.flowers_number', 'number', 'linear');
SELECT algorithm, deployed FROM pgml.train('predict boolean', 'classification', 'predict_test.flowers_boolean', 'small', 'xgboost');

SELECT v.size, pgml.classify('predict text', v.size, 1) AS text, pgml.predict('predict text', v.size, 1) AS position,
	pgml.classify('predict number', v.size, 1) AS number, pgml.predict('predict number', v.size, 1) AS value,
	pgml.classify('predict boolean', v.size, 1) AS boolean, pgml.predict('predict boolean', v.size, 1) AS zero_one
FROM (VALUES (0.3), (10.3), (20.3)) v(size);
SELECT count(*) FILTER (WHERE pgml.classify('predict text', size, noise) = name) AS right_names,
	count(*) FILTER (WHERE pgml.predict('predict number', size, noise) = number) AS right_numbers,
	count(*) FILTER (WHERE pgml.predict('predict boolean', size, noise) = small::int) AS right_booleans FROM flowers;
-- Probabilities: in class order, summing to one, and the same ones by label.
SELECT bool_and(array_length(p, 1) = 3) AS three, bool_and(abs(p[1] + p[2] + p[3] - 1) < 1e-5) AS sum_one,
	bool_and(p[1] = a AND p[2] = b AND p[3] = c) AS same, bool_and((p[1] > 0.5) = (name = 'setosa')) AS in_order
FROM (SELECT name, pgml.predict_proba('predict text', size, noise) AS p,
		pgml.class_probability('predict text', 'setosa', size, noise) AS a,
		pgml.class_probability('predict text', 'versicolor', size, noise) AS b,
		pgml.class_probability('predict text', 'virginica', size, noise) AS c FROM flowers) x;
-- A label that differs from row to row.
SELECT count(*) FILTER (WHERE pgml.class_probability('predict text', name, size, noise) > 0.5) FROM flowers;
SELECT pg_typeof(pgml.predict_proba('predict boolean', 1.0, 2)), array_length(pgml.predict_proba('predict boolean', 1.0, 2), 1),
	pgml.class_probability('predict number', '3', 10, 1) > 0.5 AS three;

-- By model id: any version, whatever is deployed.
SELECT m.id AS linear_id FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id WHERE p.name = 'predict houses' \gset
SELECT pgml.predict(:linear_id, 50, 3, 'Oslo') = pgml.predict('predict houses', 50, 3, 'Oslo') AS same;
SELECT pgml.predict(:linear_id::bigint, sqft, beds, city) = pgml.predict('predict houses', sqft, beds, city) AS same, count(*)
FROM houses GROUP BY 1;
SELECT * FROM pgml.train('predict houses', 'regression', 'predict_test.houses_data', 'price', 'ridge',
	'{"alpha": 1000}', automatic_deploy => false);
SELECT max(id) AS ridge_id FROM pgml.models m WHERE algorithm = 'ridge' \gset
SELECT pgml.predict('predict houses', 50, 3, 'Oslo') = pgml.predict(:linear_id, 50, 3, 'Oslo') AS still_linear,
	pgml.predict('predict houses', 50, 3, 'Oslo') = pgml.predict(:ridge_id, 50, 3, 'Oslo') AS not_yet;

-- A prepared statement, a function and a cached expression follow a deploy and its rollback.
PREPARE one(real) AS SELECT pgml.predict('predict houses', $1, 3, 'Oslo') = pgml.predict(:linear_id, $1, 3, 'Oslo') AS linear;
PREPARE folded AS SELECT pgml.predict('predict houses', 50, 3, 'Oslo') = pgml.predict(:linear_id, 50, 3, 'Oslo') AS linear;
CREATE FUNCTION answer(real) RETURNS float8 LANGUAGE plpgsql AS
	$$BEGIN RETURN pgml.predict('predict houses', $1, 3, 'Oslo'); END$$;
CREATE FUNCTION answer_sql(real) RETURNS float8 LANGUAGE sql AS $$SELECT pgml.predict('predict houses', $1, 3, 'Oslo')$$;
SET plan_cache_mode = force_generic_plan;
EXECUTE one(50);
EXECUTE folded;
SELECT answer(50) = pgml.predict(:linear_id, 50, 3, 'Oslo') AS linear, answer_sql(50) = answer(50) AS same;
BEGIN;
SELECT algorithm FROM pgml.deploy(:ridge_id);
EXECUTE one(50);
EXECUTE folded;
SELECT answer(50) = pgml.predict(:ridge_id, 50, 3, 'Oslo') AS ridge, answer_sql(50) = answer(50) AS same;
ROLLBACK;
EXECUTE one(50);
EXECUTE folded;
SELECT answer(50) = pgml.predict(:linear_id, 50, 3, 'Oslo') AS linear, answer_sql(50) = answer(50) AS same;
SELECT algorithm FROM pgml.deploy(:ridge_id);
EXECUTE one(50);
EXECUTE folded;
SELECT answer(50) = pgml.predict(:ridge_id, 50, 3, 'Oslo') AS ridge, answer_sql(50) = answer(50) AS same;
SELECT algorithm FROM pgml.deploy(:linear_id);
RESET plan_cache_mode;

-- Projects from a column, more of them than a call keeps.
CREATE TABLE names AS SELECT i, (ARRAY['predict houses', 'predict houses', 'predict text'])[i % 3 + 1] AS name FROM generate_series(1, 30) i;
SELECT name, count(*), count(DISTINCT CASE WHEN name = 'predict houses' THEN pgml.predict(name, 50, 3, 'Oslo')
	ELSE pgml.predict(name, 10, 3) END) AS answers FROM names GROUP BY name ORDER BY name;
CREATE VIEW numbers AS SELECT size AS x, number::float8 AS y FROM flowers;
SELECT count(*) FROM generate_series(1, 12) i,
	LATERAL pgml.train('predict many ' || i, 'regression', 'predict_test.numbers', 'y', 'linear');
SELECT count(*), count(p) AS answers, max(p) - min(p) < 0.0001 AS same FROM (
	SELECT pgml.predict('predict many ' || (i % 12 + 1), 10.0) AS p FROM generate_series(1, 60) i) x;
SELECT count(*), count(p) FROM (SELECT pgml.predict(m.id, 10.0) AS p FROM pgml.models m JOIN pgml.projects p ON p.id = m.project_id
	WHERE p.name LIKE 'predict many %') x;

-- Where a call can stand.
SELECT city, round(avg(pgml.predict('predict houses', sqft, beds, city))) AS average FROM houses GROUP BY city ORDER BY city;
SELECT id FROM houses ORDER BY pgml.predict('predict houses', sqft, beds, city) DESC, id LIMIT 3;
SELECT count(*) FROM houses WHERE pgml.predict('predict houses', sqft, beds, city) BETWEEN 3000 AND 6000
	AND price BETWEEN 3000 AND 6000;
SELECT id, round(pgml.predict('predict houses', sqft, beds, city) - lag(pgml.predict('predict houses', sqft, beds, city)) OVER (ORDER BY id)) AS step
FROM houses WHERE id < 4 ORDER BY id;
SELECT round((SELECT pgml.predict('predict houses', sqft, beds, city) FROM houses WHERE id = 1)::numeric) AS in_sublink;
DO $$
DECLARE total float8 := 0; r record;
BEGIN
	FOR r IN SELECT * FROM houses WHERE id <= 3 LOOP
		total := total + pgml.predict('predict houses', r.sqft, r.beds, r.city);
	END LOOP;
	RAISE WARNING 'total %', round(total);
END$$;
SELECT id AS model FROM pgml.deployed_models WHERE name = 'predict houses' \gset
CREATE TABLE checked (sqft real, CHECK (pgml.predict(:model::bigint, sqft, 1, 'Rome') < 5000));
INSERT INTO checked VALUES (10);
INSERT INTO checked VALUES (90);
CREATE INDEX houses_predicted ON houses (pgml.predict('predict houses', sqft, beds, city));
SET enable_seqscan = off;
SELECT count(*) FROM houses WHERE pgml.predict('predict houses', sqft, beds, city) > 10000;
RESET enable_seqscan;
DROP INDEX houses_predicted;

-- Batches, rows and parallel workers answer alike; so does a read-only transaction.
CREATE TEMP TABLE by_row AS SELECT 1 AS id, 1::float8 AS p LIMIT 0;
SET pgml.batch = off;
INSERT INTO by_row SELECT id, pgml.predict('predict houses', sqft, beds, city) FROM houses;
RESET pgml.batch;
SELECT count(*) FROM by_row r JOIN houses h USING (id) WHERE p = pgml.predict('predict houses', sqft, beds, city);
SET force_parallel_mode = on;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT count(*), sum(pgml.predict('predict houses', sqft, beds, city))::numeric(20, 2) = sum(price)::numeric(20, 2) AS right FROM houses;
SELECT pgml.classify('predict text', size, noise) AS name, count(*) FROM flowers GROUP BY 1 ORDER BY 1;
RESET force_parallel_mode;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
BEGIN TRANSACTION READ ONLY;
SELECT round(pgml.predict('predict houses', 50, 3, 'Oslo')) AS oslo;
COMMIT;
BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE;
SELECT round(pgml.predict('predict houses', 50, 3, 'Oslo')) AS oslo;
COMMIT;

-- Names: quotes, blanks at the ends, more bytes than an identifier has, other scripts.
CREATE TABLE odd_projects AS SELECT unnest(ARRAY['predict ''it''', 'predict "q" \ %s', ' predict ', 'predict ' || repeat('long', 100), 'predict дом 家']) AS name;
SELECT count(*) FROM odd_projects, LATERAL pgml.train(name, 'regression', 'predict_test.numbers', 'y', 'linear');
SELECT count(DISTINCT round(pgml.predict(name, 10.0))), count(*) FROM odd_projects;
SELECT round(pgml.predict('predict дом 家', 10.0)) = round(pgml.predict('predict ''it''', 10)) AS same;
CREATE TABLE odd_names ("Größe %s" real, "a ""quoted"" column" text, y real);
INSERT INTO odd_names SELECT i, i % 3, i FROM generate_series(1, 50) i;
SELECT algorithm FROM pgml.train('predict odd names', 'regression', 'predict_test.odd_names', 'y', 'xgboost');
SELECT abs(pgml.predict('predict odd names', o) - y) < 5 AS near FROM odd_names o WHERE y = 20;
\set VERBOSITY terse
SELECT pgml.predict('predict odd names', 'x', 'y');
SELECT pgml.predict('predict odd names', 1, 2);
\set VERBOSITY default

-- What the deferred twins and the pin do by themselves.
SELECT pgml.predict_deferred('no such project', 1, 'a', NULL) IS NULL, pgml.classify_deferred(NULL::bigint, 1) IS NULL,
	pgml.predict_proba_deferred('x', ARRAY[1]) IS NULL, pgml.class_probability_deferred('x', NULL, 1) IS NULL;
SELECT pgml.pin('a'), pgml.pin(5::bigint), pgml.pin(NULL::text) IS NULL;

-- The planner's cost comes from the model: never below 100 operators.
CREATE FUNCTION plan_cost(query text) RETURNS float8 LANGUAGE plpgsql AS
	$$DECLARE plan json; BEGIN EXECUTE 'EXPLAIN (FORMAT JSON) ' || query INTO plan; RETURN plan->0->'Plan'->>'Total Cost'; END$$;
SELECT plan_cost('SELECT pgml.predict(''predict houses'', sqft, beds, city) FROM houses') -
	plan_cost('SELECT sqft FROM houses') >= 300 * 100 * 0.0025 AS at_least_100,
	plan_cost('SELECT pgml.predict(''no such project'', sqft, beds, city) FROM houses WHERE false') < 1 AS no_error;

-- Rights: the owner, whom the owner lets, superusers; PUBLIC has nothing. A model id is no way around.
CREATE ROLE predict_owner;
CREATE ROLE predict_user;
CREATE ROLE predict_group;
CREATE ROLE predict_member IN ROLE predict_group;
CREATE ROLE predict_outsider;
GRANT USAGE ON SCHEMA predict_test TO PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA predict_test TO PUBLIC;
UPDATE pgml.projects SET owner = 'predict_owner' WHERE name = 'predict houses';
CREATE FUNCTION may() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pgml.predict('predict houses', 50, 3, 'Oslo');
	RETURN 'yes';
EXCEPTION WHEN insufficient_privilege THEN
	RETURN sqlerrm;
END$$;
CREATE FUNCTION may_by_id(id bigint) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pgml.predict(id, 50, 3, 'Oslo');
	RETURN 'yes';
EXCEPTION WHEN insufficient_privilege THEN
	RETURN sqlerrm;
END$$;
SELECT may() AS superuser;
SET ROLE predict_owner;
SELECT may() AS owner, may_by_id(:linear_id);
SET ROLE predict_user;
SELECT may() AS "user", may_by_id(:linear_id);
SELECT pgml.predict('predict houses', 50, 3, 'Oslo');
SELECT count(pgml.predict('predict houses', sqft, beds, city)) FROM houses;
SET ROLE predict_owner;
SELECT pgml.grant_use('predict houses', 'predict_user');
SELECT pgml.grant_use('predict houses', 'predict_group');
SET ROLE predict_user;
SELECT may() AS "user", may_by_id(:linear_id);
SELECT count(pgml.predict('predict houses', sqft, beds, city)) FROM houses;
SET ROLE predict_member;
SELECT may() AS member;
SET ROLE predict_outsider;
SELECT may() AS outsider;
-- A function that runs as its owner uses the owner's right.
RESET ROLE;
CREATE FUNCTION as_owner() RETURNS boolean LANGUAGE sql SECURITY DEFINER AS $$SELECT pgml.predict('predict houses', 50, 3, 'Oslo') > 0$$;
ALTER FUNCTION as_owner() OWNER TO predict_owner;
SET ROLE predict_outsider;
SELECT as_owner();
SET ROLE predict_owner;
SELECT pgml.revoke_use('predict houses', 'predict_group');
SET ROLE predict_member;
SELECT may() AS member;
-- One prepared statement under two roles.
RESET ROLE;
PREPARE as_role AS SELECT pgml.predict('predict houses', sqft, beds, city) > 0 AS answered FROM houses WHERE id = 1;
EXECUTE as_role;
SET ROLE predict_outsider;
EXECUTE as_role;
SET ROLE predict_owner;
EXECUTE as_role;
RESET ROLE;

-- A backend that starts afresh.
\c
SELECT round(pgml.predict('predict houses', 50, 3, 'Oslo')) AS oslo, pgml.classify('predict text', 10.3, 1);

SET client_min_messages = warning;
DELETE FROM pgml.projects WHERE name LIKE '%predict %';
DROP SCHEMA predict_test CASCADE;
DROP ROLE predict_owner, predict_user, predict_member, predict_group, predict_outsider;
