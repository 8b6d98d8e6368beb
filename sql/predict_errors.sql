-- What the family refuses, with SQLSTATE, detail and hint; damaged models; and that the session goes on.
SET client_min_messages = warning;
CREATE SCHEMA errors_test;
SET search_path = errors_test, public;
-- Reports an error as one text, with the ids of models masked.
CREATE FUNCTION report(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE m text; d text; h text; c text;
BEGIN
	EXECUTE query INTO m;
	RETURN 'no error: ' || coalesce(m, 'NULL');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT, c = RETURNED_SQLSTATE;
	RETURN regexp_replace(format('%s: %s', c, m) || CASE WHEN d <> '' THEN E'\n  ' || d ELSE '' END
		|| CASE WHEN h <> '' THEN E'\n  ' || h ELSE '' END, '(model) \d+', '\1 N', 'gi');
END$$;

CREATE TABLE source AS
	SELECT i % 17 AS sqft, i % 5 AS beds, (ARRAY['Oslo', 'Rome'])[i % 2 + 1] AS city, i % 3 = 0 AS pool, i % 17 * 10.0 + i % 5 AS price,
		(ARRAY['cheap', 'dear'])[i % 2 + 1] AS class
	FROM generate_series(1, 200) i;
CREATE VIEW regression AS SELECT sqft, beds, city, pool, price FROM source;
CREATE VIEW classes AS SELECT sqft, beds, city, class FROM source;
CREATE VIEW numbers AS SELECT sqft, beds, price FROM source;
CREATE VIEW arrays AS SELECT ARRAY[sqft, beds] AS pair, beds, price FROM source;
SELECT algorithm FROM pgml.train('errors', 'regression', 'errors_test.regression', 'price', 'linear');
SELECT algorithm FROM pgml.train('errors classes', 'classification', 'errors_test.classes', 'class', 'linear');
SELECT algorithm FROM pgml.train('errors numbers', 'regression', 'errors_test.numbers', 'price', 'linear');
SELECT algorithm FROM pgml.train('errors arrays', 'regression', 'errors_test.arrays', 'price', 'linear');
SELECT algorithm FROM pgml.train('errors ridge', 'classification', 'errors_test.classes', 'class', 'ridge');
SELECT deployed FROM pgml.train('errors undeployed', 'regression', 'errors_test.numbers', 'price', 'linear', automatic_deploy => false);
\pset format unaligned
\pset tuples_only on

-- Projects and models
SELECT report(q) FROM (VALUES
	($$SELECT pgml.predict('no such "project"', 1)$$),
	($$SELECT pgml.predict('', 1)$$),
	($$SELECT pgml.predict(repeat('x', 100), 1)$$),
	($$SELECT pgml.predict(987654321, 1)$$),
	($$SELECT pgml.predict(-1::bigint, 1)$$),
	($$SELECT pgml.predict('errors undeployed', 1, 2)$$),
	($$SELECT pgml.predict(NULL::text, 1, 2)$$),
	($$SELECT pgml.predict(NULL::bigint, 1, 2)$$),
	($$SELECT pgml.classify(NULL::text, 1, 2)$$),
	($$SELECT sum(pgml.predict(n, 1, 2)) FROM (VALUES ('errors numbers'), (NULL)) v(n)$$),
	($$SELECT sum(pgml.predict(n, 1, 2)) FROM (VALUES ('errors numbers'), ('errors nowhere')) v(n)$$)) v(q);

-- Count
SELECT report(q) FROM (VALUES
	($$SELECT pgml.predict('errors', 1, 2, 'Oslo')$$),
	($$SELECT pgml.predict('errors', 1, 2, 'Oslo', true, 5)$$),
	($$SELECT pgml.predict('errors numbers', 1)$$),
	($$SELECT pgml.predict((SELECT id FROM pgml.models ORDER BY id DESC LIMIT 1), 1)$$),
	($$SELECT pgml.predict('errors numbers', NULL)$$),
	($$SELECT pgml.predict('errors numbers', ARRAY[1, 2, 3])$$),
	($$SELECT pgml.predict('errors numbers', ARRAY[1])$$),
	($$SELECT pgml.predict('errors numbers', '{}'::int[])$$),
	($$SELECT pgml.predict('errors numbers', VARIADIC ARRAY[1, 2, 3])$$),
	($$SELECT pgml.predict('errors numbers', ROW(1, 2, 3))$$),
	($$SELECT pgml.predict('errors numbers', ROW(1))$$),
	($$SELECT pgml.predict('errors arrays', ARRAY[1, 2, 3], 1)$$),
	($$SELECT pgml.predict('errors arrays', ARRAY[1, 2])$$),
	($$SELECT pgml.predict('errors arrays', 1, 2, 3)$$),
	($$SELECT pgml.predict('errors')$$)) v(q);

-- Type
SELECT report(q) FROM (VALUES
	($$SELECT pgml.predict('errors', 'x', 2, 'Oslo', true)$$),
	($$SELECT pgml.predict('errors', '5'::text, 2, 'Oslo', true)$$),
	($$SELECT pgml.predict('errors', 1, 2, 3, true)$$),
	($$SELECT pgml.predict('errors', 1, 2, true, true)$$),
	($$SELECT pgml.predict('errors', 1, 2, 'Oslo', 'yes')$$),
	($$SELECT pgml.predict('errors', 1, 2, 'Oslo', 'yes'::text)$$),
	($$SELECT pgml.predict('errors', now(), 2, 'Oslo', true)$$),
	($$SELECT pgml.predict('errors', 1, current_date, 'Oslo', true)$$),
	($$SELECT pgml.predict('errors', 1, 2, '{}'::json, true)$$),
	($$SELECT pgml.predict('errors', 1, 2, 'Oslo', '1'::oid)$$),
	($$SELECT pgml.predict('errors', ARRAY[1, 2], 2, 'Oslo', true)$$),
	($$SELECT pgml.predict('errors', ROW(1, 2), 2, 'Oslo', true)$$),
	($$SELECT pgml.predict('errors', ARRAY[1, 2, 3, 4])$$),
	($$SELECT pgml.predict('errors', ARRAY['1', '2', 'Oslo', '1'])$$),
	($$SELECT pgml.predict('errors numbers', ARRAY['1', '2'])$$),
	($$SELECT pgml.predict('errors numbers', ARRAY[now(), now()])$$),
	($$SELECT pgml.predict('errors numbers', '{1,2}')$$),
	($$SELECT pgml.predict('errors numbers', '{1,2}', 3)$$),
	($$SELECT pgml.predict('errors numbers', VARIADIC 5)$$),
	($$SELECT pgml.predict('errors arrays', 5, 1)$$),
	($$SELECT pgml.predict('errors arrays', 'x', 1)$$),
	($$SELECT pgml.predict('errors arrays', ARRAY['a', 'b'], 1)$$),
	($$SELECT pgml.predict(1.5, 1, 2)$$),
	($$SELECT pgml.predict(true, 1, 2)$$)) v(q);

-- Rows
CREATE TYPE lacking AS (sqft int, bedrooms int);
CREATE TYPE mistyped AS (sqft int, beds text);
CREATE TYPE "Cased" AS ("Sqft" int, beds int);
SELECT report(q) FROM (VALUES
	($$SELECT pgml.predict('errors numbers', ROW(1, 2)::errors_test.lacking)$$),
	($$SELECT pgml.predict('errors numbers', NULL::errors_test.lacking)$$),
	($$SELECT pgml.predict('errors numbers', ROW(1, 2)::errors_test.mistyped)$$),
	($$SELECT pgml.predict('errors numbers', ROW(1, 2)::errors_test."Cased")$$),
	($$SELECT pgml.predict('errors numbers', ROW(1, 'x'::text))$$),
	($$SELECT pgml.predict('errors numbers', ROW(1, 'x'))$$),
	($$SELECT pgml.predict('errors numbers', q) FROM (SELECT 1 AS sqft, 2 AS rooms) q$$),
	($$SELECT pgml.predict('errors', s) FROM errors_test.numbers s LIMIT 1$$)) v(q);

-- The wrong member, the wrong label
SELECT report(q) FROM (VALUES
	($$SELECT pgml.classify('errors numbers', 1, 2)$$),
	($$SELECT pgml.predict_proba('errors numbers', 1, 2)$$),
	($$SELECT pgml.class_probability('errors numbers', 'cheap', 1, 2)$$),
	($$SELECT pgml.classify('errors ridge', 1, 2, 'Oslo')$$),
	($$SELECT pgml.predict_proba('errors ridge', 1, 2, 'Oslo')$$),
	($$SELECT pgml.class_probability('errors ridge', 'cheap', sqft, beds, city) FROM errors_test.source$$),
	($$SELECT pgml.class_probability('errors classes', 'costly', 1, 2, 'Oslo')$$),
	($$SELECT pgml.class_probability('errors classes', NULL, 1, 2, 'Oslo')$$),
	($$SELECT pgml.class_probability('errors classes', '', 1, 2, 'Oslo')$$),
	($$SELECT pgml.class_probability('errors classes', 'Cheap', 1, 2, 'Oslo')$$),
	($$SELECT sum(pgml.class_probability('errors classes', l, 1, 2, 'Oslo')) FROM (VALUES ('cheap'), ('dear'), ('x')) v(l)$$)) v(q);

-- Called where there is no expression to take the argument types from: as a trigger, as an index's comparison.
CREATE FUNCTION as_trigger() RETURNS trigger LANGUAGE c AS '$libdir/pgml_am', 'pgml_predict';
CREATE FUNCTION as_comparison(text, text) RETURNS int LANGUAGE c IMMUTABLE AS '$libdir/pgml_am', 'pgml_class_probability';
CREATE OPERATOR CLASS odd FOR TYPE text USING btree AS OPERATOR 1 <, OPERATOR 3 =, FUNCTION 1 as_comparison(text, text);
CREATE TABLE odd_table (t text);
CREATE INDEX ON odd_table (t odd);
INSERT INTO odd_table VALUES ('a');
INSERT INTO odd_table VALUES ('b');
CREATE TRIGGER odd_trigger BEFORE INSERT ON odd_table FOR EACH ROW EXECUTE FUNCTION as_trigger();
INSERT INTO odd_table VALUES ('c');

-- Damage. Every change to pgml.files reaches the next statement of every session; a repaired model answers again.
CREATE TABLE kept AS SELECT f.* FROM pgml.files f JOIN pgml.models m ON m.id = f.model_id JOIN pgml.projects p ON p.id = m.project_id
	WHERE p.name = 'errors numbers';
SELECT model_id FROM kept LIMIT 1 \gset
CREATE FUNCTION damage(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE change;
	result := errors_test.report('SELECT round(pgml.predict(''errors numbers'', 3, 2)::numeric, 1)');
	DELETE FROM pgml.files WHERE model_id = (SELECT model_id FROM errors_test.kept LIMIT 1);
	INSERT INTO pgml.files SELECT * FROM errors_test.kept;
	RETURN regexp_replace(change, '(model_id|id) = \d+', '\1 = MODEL') || E'\n  ' || regexp_replace(result, 'At byte[^\n]*', '...');
END$$;
SELECT round(pgml.predict('errors numbers', 3, 2)::numeric, 1);
SELECT damage(replace(c, 'MODEL', :'model_id')) FROM (VALUES
	('DELETE FROM pgml.files WHERE model_id = MODEL'),
	('UPDATE pgml.files SET data = '''' WHERE model_id = MODEL'),
	('UPDATE pgml.files SET data = ''garbage'' WHERE model_id = MODEL'),
	('UPDATE pgml.files SET data = decode(repeat(''00'', 1000), ''hex'') WHERE model_id = MODEL'),
	('UPDATE pgml.files SET data = decode(repeat(''ff'', 1000), ''hex'') WHERE model_id = MODEL'),
	('UPDATE pgml.files SET data = substr(data, 1, length(data) - 1) WHERE model_id = MODEL'),
	('UPDATE pgml.files SET data = substr(data, 1, 10) WHERE model_id = MODEL'),
	('UPDATE pgml.files SET data = data || ''x''::bytea WHERE model_id = MODEL'),
	('UPDATE pgml.files SET data = set_byte(data, length(data) / 2, (get_byte(data, length(data) / 2) + 1) % 256) WHERE model_id = MODEL'),
	('UPDATE pgml.files SET part = 1 WHERE model_id = MODEL'),
	('UPDATE pgml.files SET part = -1 WHERE model_id = MODEL'),
	('INSERT INTO pgml.files (model_id, path, part, data) SELECT model_id, path, 7, data FROM pgml.files WHERE model_id = MODEL'),
	('INSERT INTO pgml.files (model_id, path, part, data) SELECT model_id, ''other'', 0, data FROM pgml.files WHERE model_id = MODEL'),
	('UPDATE pgml.files SET path = ''renamed'' WHERE model_id = MODEL'),
	('UPDATE pgml.models SET row_cost = ''NaN'' WHERE id = MODEL'),
	('UPDATE pgml.models SET row_cost = ''-Infinity'' WHERE id = MODEL')) v(c);
-- In two parts it is as good as in one.
BEGIN;
INSERT INTO pgml.files (model_id, path, part, data) SELECT model_id, path, 1, substr(data, 20) FROM kept;
UPDATE pgml.files SET data = substr(data, 1, 19) WHERE model_id = :model_id AND part = 0;
SELECT report('SELECT round(pgml.predict(''errors numbers'', 3, 2)::numeric, 1)');
ROLLBACK;
-- Every single byte changed, every length: the checksum or the reader notices, and nothing crashes.
SELECT report, count(*) > 0 FROM (
	SELECT regexp_replace(substring(damage(format('UPDATE pgml.files SET data = set_byte(data, %s, get_byte(data, %s) # 255) WHERE model_id = %s', i, i, :model_id))
		from '\n  ([^\n]*)'), '\d+\.\d', 'number') AS report
	FROM generate_series(0, (SELECT length(data) - 1 FROM kept LIMIT 1), 7) i) x GROUP BY 1 ORDER BY 1;
SELECT report, count(*) > 0 FROM (
	SELECT substring(damage(format('UPDATE pgml.files SET data = substr(data, 1, %s) WHERE model_id = %s', i, :model_id)) from '\n  ([^\n]*)') AS report
	FROM generate_series(0, (SELECT length(data) - 1 FROM kept LIMIT 1), 11) i) x GROUP BY 1 ORDER BY 1;

-- Rows that should not be.
CREATE FUNCTION catalog_damage(change text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	BEGIN
		EXECUTE change;
		RAISE EXCEPTION USING errcode = 'P9999', message = errors_test.report('SELECT round(pgml.predict(''errors numbers'', 3, 2)::numeric, 1)');
	EXCEPTION WHEN SQLSTATE 'P9999' THEN
		RETURN regexp_replace(change, '(model_id|id) = \d+', '\1 = MODEL') || E'\n  ' || regexp_replace(sqlerrm, 'found by \d+', 'found by N');
	END;
END$$;
SELECT catalog_damage(replace(c, 'MODEL', :'model_id')) FROM (VALUES
	('DELETE FROM pgml.models WHERE id = MODEL'),
	('DELETE FROM pgml.deployments WHERE model_id = MODEL'),
	('DELETE FROM pgml.projects WHERE name = ''errors numbers'''),
	('UPDATE pgml.projects SET name = ''errors renamed'' WHERE name = ''errors numbers'''),
	('UPDATE pgml.projects SET users = ''{NULL}''::regrole[] WHERE name = ''errors numbers'''),
	('ALTER TABLE pgml.projects ALTER users DROP NOT NULL; UPDATE pgml.projects SET users = NULL WHERE name = ''errors numbers'''),
	('ALTER TABLE pgml.projects ALTER owner DROP NOT NULL; UPDATE pgml.projects SET owner = NULL WHERE name = ''errors numbers'''),
	('ALTER TABLE pgml.models ALTER row_cost DROP NOT NULL; UPDATE pgml.models SET row_cost = NULL WHERE id = MODEL'),
	('ALTER TABLE pgml.files ALTER data DROP NOT NULL; UPDATE pgml.files SET data = NULL WHERE model_id = MODEL'),
	('ALTER TABLE pgml.files ALTER part TYPE bigint'),
	('DROP INDEX pgml.deployments_project_id_id_idx')) v(c);
SELECT round(pgml.predict('errors numbers', 3, 2)::numeric, 1);

-- A project that is gone, in a new session.
\c
SET client_min_messages = warning;
DELETE FROM pgml.projects WHERE name LIKE 'errors%';
SELECT pgml.predict('errors numbers', 3, 2);
DROP SCHEMA errors_test CASCADE;
