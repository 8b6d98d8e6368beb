-- Declaring prediction columns in every way that DDL offers. No model is needed: none of this evaluates one.
SET client_min_messages = warning;
CREATE SCHEMA ddl;
SET search_path = ddl, public;

-- What the catalog holds for each generated column: deferred = computed when read, stored = computed when written.
CREATE VIEW columns AS
	SELECT c.relname AS table_name, a.attname AS column_name, format_type(a.atttypid, a.atttypmod) AS type,
		pg_get_expr(d.adbin, d.adrelid) AS expression
	FROM pg_attrdef d JOIN pg_class c ON c.oid = d.adrelid JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
	WHERE c.relnamespace = 'ddl'::regnamespace AND a.attgenerated = 's';

-- Every member of the family, by project name and by model id, and expressions around calls.
CREATE TABLE family (
	id int, x real, y text,
	a double precision GENERATED ALWAYS AS (pgml.predict('p', x, y)) STORED,
	b text GENERATED ALWAYS AS (pgml.classify('p', x, y)) STORED,
	c real[] GENERATED ALWAYS AS (pgml.predict_proba('p', x, y)) STORED,
	d double precision GENERATED ALWAYS AS (pgml.class_probability('p', 'yes', x, y)) STORED,
	e double precision GENERATED ALWAYS AS (pgml.predict(42, x, y)) STORED,
	f text GENERATED ALWAYS AS (pgml.classify(42::bigint, x, y)) STORED,
	g numeric(10, 2) GENERATED ALWAYS AS (round((pgml.predict('p', x, y) * 100)::numeric, 2) + 1) STORED,
	h text GENERATED ALWAYS AS (CASE WHEN x > 1 THEN upper(pgml.classify('p', x, lower(y))) ELSE 'none' END) STORED,
	i int GENERATED ALWAYS AS (pgml.predict('p', VARIADIC ARRAY[x, length(y)::real])) STORED,
	j text GENERATED ALWAYS AS (pgml.predict('p', ARRAY[x, 1])) STORED,
	k double precision GENERATED ALWAYS AS (pgml.predict('p', ROW(x, y))) STORED,
	l real GENERATED ALWAYS AS (GREATEST(pgml.predict('p', x, y), coalesce(x, 0)::double precision)) STORED,
	m double precision GENERATED ALWAYS AS (pgml.predict('p' || 'q', x)) STORED,
	n boolean GENERATED ALWAYS AS (y LIKE 'a%' AND x IS NOT NULL) STORED
) USING pgml;
SELECT column_name, type, expression FROM columns WHERE table_name = 'family' ORDER BY 1;
INSERT INTO family (id, x, y) VALUES (1, 2, 'abc');
SELECT id, n FROM family;

-- The name is resolved as SQL resolves it: schema, search path, quoting; other functions called predict stay what they are.
CREATE FUNCTION ddl.predict(text, real) RETURNS double precision LANGUAGE sql IMMUTABLE AS 'SELECT 1.5::float8';
CREATE TABLE other_predict (x real, p double precision GENERATED ALWAYS AS (predict('p', x)) STORED) USING pgml;
SELECT expression FROM columns WHERE table_name = 'other_predict';
INSERT INTO other_predict VALUES (1);
SELECT * FROM other_predict;
DROP FUNCTION ddl.predict(text, real) CASCADE;
SET search_path = ddl, pgml, public;
CREATE TABLE by_path (x real, p double precision GENERATED ALWAYS AS (predict('p', x)) STORED) USING pgml;
CREATE TABLE by_quotes (x real, p double precision GENERATED ALWAYS AS ("pgml"."predict"('p', x)) STORED) USING pgml;
CREATE TABLE by_database (x real, p double precision GENERATED ALWAYS AS (pgml_regress.pgml.predict('p', x)) STORED) USING pgml;
-- Another candidate on the path: the swap leaves the name alone, the check after the command puts it right.
CREATE FUNCTION ddl.predict(text, int, int) RETURNS double precision LANGUAGE sql IMMUTABLE AS 'SELECT 1.5::float8';
CREATE TABLE by_check (x real, p double precision GENERATED ALWAYS AS (predict('p', x)) STORED) USING pgml;
DROP FUNCTION ddl.predict(text, int, int);
SET search_path = ddl, public;
SELECT table_name, expression FROM columns WHERE table_name LIKE 'by\_%' ORDER BY 1;

-- default_table_access_method, IF NOT EXISTS, CREATE SCHEMA with elements, typed tables, a name in quotes.
SET default_table_access_method = pgml;
CREATE TABLE by_default (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED);
CREATE TABLE IF NOT EXISTS by_default (x real, p double precision GENERATED ALWAYS AS (pgml.predict('q', x)) STORED);
CREATE TABLE heap_all_the_same (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING heap;
RESET default_table_access_method;
CREATE SCHEMA ddl_elements
	CREATE TABLE inner_table (x real, "Strange ""name""" double precision GENERATED ALWAYS AS (pgml.predict('It''s "a" project', x)) STORED) USING pgml
	CREATE VIEW inner_view AS SELECT x FROM inner_table
	CREATE INDEX inner_index ON inner_table ("Strange ""name""");
\d ddl_elements.inner_table
DROP SCHEMA ddl_elements CASCADE;
CREATE TYPE row_type AS (x real, p double precision);
CREATE TABLE typed OF row_type (p WITH OPTIONS GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
CREATE TEMP TABLE temporary (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml ON COMMIT DROP;
CREATE UNLOGGED TABLE unlogged (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
SELECT table_name, expression FROM columns WHERE table_name IN ('by_default', 'heap_all_the_same', 'typed', 'unlogged') ORDER BY 1;

-- ADD COLUMN on a full table evaluates nothing.
CREATE TABLE grows (id int, x real) USING pgml;
INSERT INTO grows SELECT g, g FROM generate_series(1, 1000) g;
ALTER TABLE grows ADD COLUMN p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED,
	ADD COLUMN z int DEFAULT 3, ADD COLUMN IF NOT EXISTS q text GENERATED ALWAYS AS (pgml.classify('p', x)) STORED;
ALTER TABLE IF EXISTS grows ADD COLUMN IF NOT EXISTS q int;
ALTER TABLE IF EXISTS missing ADD COLUMN p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED;
SELECT count(*), sum(z) FROM grows;
-- Column commands that make sense stay possible.
ALTER TABLE grows RENAME x TO feature;
ALTER TABLE grows RENAME p TO prediction;
ALTER TABLE grows ALTER prediction SET STATISTICS 100;
ALTER TABLE grows ALTER q SET STORAGE MAIN;
ALTER TABLE grows ALTER prediction TYPE real;
COMMENT ON COLUMN grows.prediction IS 'what the model says';
ALTER TABLE grows ALTER id TYPE bigint;
ALTER TABLE grows ENABLE ROW LEVEL SECURITY;
CREATE POLICY cheap ON grows USING (prediction < 10) WITH CHECK (prediction < 10);
SELECT column_name, type, expression FROM columns WHERE table_name = 'grows' ORDER BY 1;
-- Core's own refusals.
ALTER TABLE grows ALTER feature TYPE double precision;
ALTER TABLE grows DROP COLUMN feature;
INSERT INTO grows (id, prediction) VALUES (1, 2);
UPDATE grows SET prediction = 1;
COPY grows (prediction) TO stdout;
ALTER TABLE grows ADD COLUMN twice double precision GENERATED ALWAYS AS (prediction * 2) STORED;
ALTER TABLE grows DROP COLUMN feature CASCADE;
SELECT count(*) FROM columns WHERE table_name = 'grows';
DROP FUNCTION pgml.predict_deferred(text, "any");

-- LIKE: from pgml to heap and back, with indexes; a stored prediction becomes a deferred one in a pgml table.
CREATE TABLE like_source (id int PRIMARY KEY, x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
CREATE INDEX like_index ON like_source (p, id) WHERE p > 3;
CREATE TABLE like_heap (LIKE like_source INCLUDING ALL);
CREATE TABLE like_pgml (y int, LIKE like_source INCLUDING ALL) USING pgml;
CREATE TABLE like_plain (LIKE like_source) USING pgml;
CREATE TABLE stored_source (id int, x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED);
CREATE INDEX stored_index ON stored_source (p);
CREATE INDEX stored_expression ON stored_source (pgml.predict('p', x));
CREATE STATISTICS stored_statistics ON x, p FROM stored_source;
CREATE TABLE like_stored (y int, LIKE stored_source INCLUDING ALL) USING pgml;
CREATE TABLE like_stored_heap (y int, LIKE stored_source INCLUDING ALL);
SELECT table_name, expression FROM columns WHERE table_name LIKE 'like\_%' ORDER BY 1;
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid::regclass::text ~ '^like_|^stored_' ORDER BY pg_get_indexdef(indexrelid) COLLATE "C";
SELECT stxrelid::regclass, pg_get_statisticsobjdef_columns(oid) FROM pg_statistic_ext WHERE stxrelid::regclass::text ~ '^like_|^stored_' ORDER BY stxrelid::regclass::text, 2;

-- SET ACCESS METHOD: to pgml the prediction becomes one that is read, to heap it stays that.
CREATE TABLE moves (id int, x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED);
ALTER TABLE moves SET ACCESS METHOD pgml, ADD COLUMN q text GENERATED ALWAYS AS (pgml.classify('p', x)) STORED;
INSERT INTO moves VALUES (1, 1);
SELECT column_name, expression FROM columns WHERE table_name = 'moves' ORDER BY 1;
ALTER TABLE moves SET ACCESS METHOD heap;
SELECT column_name, expression FROM columns WHERE table_name = 'moves' ORDER BY 1;
ALTER TABLE moves ADD COLUMN r double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED;
SELECT column_name, expression FROM columns WHERE table_name = 'moves' ORDER BY 1;

-- A repeated utility statement: the parse tree is never written to.
DO $$
BEGIN
	FOR i IN 1..3 LOOP
		CREATE TABLE looped (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
		CREATE INDEX looped_index ON looped (p);
		DROP TABLE looped;
	END LOOP;
END $$;
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$
BEGIN
	CREATE TABLE committed (x real) USING pgml;
	COMMIT;
	ALTER TABLE committed ADD COLUMN p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED;
	COMMIT;
	ALTER TABLE committed ADD CHECK (p > 0);
	COMMIT;
END $$;
CALL commits();
SELECT table_name, expression FROM columns WHERE table_name IN ('looped', 'committed');
SELECT count(*) FROM pg_constraint WHERE conrelid = 'committed'::regclass;

-- What a user is told.
SET client_min_messages = notice;
CREATE TABLE told_heap (x real, p double precision GENERATED ALWAYS AS (pgml.predict('no such project', x)) STORED);
CREATE TABLE told_pgml (x real, p double precision GENERATED ALWAYS AS (pgml.predict('no such project', x)) STORED) USING pgml;
ALTER TABLE told_pgml ADD COLUMN q text GENERATED ALWAYS AS (pgml.classify(123456, x)) STORED;
ALTER TABLE told_heap ADD COLUMN y int;
ALTER TABLE told_heap SET ACCESS METHOD pgml;
-- A model that is known: features that do not fit.
SET client_min_messages = warning;
CREATE TABLE training AS SELECT g::real AS sqft, g % 5 AS beds, g % 2 = 0 AS pool, 'city ' || g % 3 AS city, g * 3.0 AS price,
	CASE WHEN g % 3 = 0 THEN 'cheap' ELSE 'dear' END AS class FROM generate_series(1, 100) g;
SELECT * FROM pgml.train('ddl price', 'regression', 'ddl.training', 'price', algorithm => 'linear', preprocess => '{}', materialize_snapshot => false);
CREATE TABLE told (id int, sqft real, beds int, pool boolean, city text,
	fits double precision GENERATED ALWAYS AS (pgml.predict('ddl price', sqft, beds, pool, city, 'cheap')) STORED) USING pgml;
ALTER TABLE told ADD COLUMN a double precision GENERATED ALWAYS AS (pgml.predict('ddl price', beds, sqft, pool, city, city)) STORED;
-- Details name the model by its id, which differs from run to run.
\set VERBOSITY terse
ALTER TABLE told ADD COLUMN b double precision GENERATED ALWAYS AS (pgml.predict('ddl price', sqft::numeric, beds, pool)) STORED;
ALTER TABLE told ADD COLUMN c double precision GENERATED ALWAYS AS (pgml.predict('ddl price', sqft, city, pool, city, 'x')) STORED;
ALTER TABLE told ADD COLUMN d text GENERATED ALWAYS AS (pgml.classify('ddl price', sqft, beds, pool, city, 'x')) STORED;
ALTER TABLE told ADD COLUMN e double precision GENERATED ALWAYS AS (pgml.predict('ddl price', ROW(sqft, beds, pool, city, 'x'::text))) STORED;
ALTER TABLE told ADD COLUMN f double precision GENERATED ALWAYS AS (pgml.predict('ddl price', ARRAY[sqft, beds])) STORED;
INSERT INTO told (id, sqft, beds, pool, city) VALUES (1, 10, 2, true, 'city 1');
SELECT id, fits IS NOT NULL AS fits, e IS NOT NULL AS e FROM told;
-- The model's number moves with the tests that ran before.
\set VERBOSITY sqlstate
SELECT b FROM told;
\set VERBOSITY default
CREATE ROLE ddl_user;
GRANT ALL ON SCHEMA ddl TO ddl_user;
SET ROLE ddl_user;
CREATE TABLE told_user (sqft real, p double precision GENERATED ALWAYS AS (pgml.predict('ddl price', sqft)) STORED) USING pgml;
RESET ROLE;
DELETE FROM pgml.projects WHERE name = 'ddl price';
DROP SCHEMA ddl CASCADE;
DROP ROLE ddl_user;
