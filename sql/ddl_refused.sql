-- What a prediction column cannot be used for is refused, with the reason and what to do instead.
SET client_min_messages = warning;
CREATE SCHEMA ddl_refused;
SET search_path = ddl_refused, public;
CREATE TABLE houses (id int PRIMARY KEY, x real, y text,
	price double precision GENERATED ALWAYS AS (pgml.predict('p', x, y)) STORED) USING pgml;
INSERT INTO houses VALUES (1, 1, 'a'), (2, 2, 'b');
CREATE TABLE prices (price double precision PRIMARY KEY);

-- Constraints on an existing column.
\set VERBOSITY sqlstate
ALTER TABLE houses ALTER price SET NOT NULL;
ALTER TABLE houses ALTER price DROP EXPRESSION;
ALTER TABLE houses ADD UNIQUE (price);
ALTER TABLE houses ADD COLUMN p double precision GENERATED ALWAYS AS (pgml.predict('p', pgml.predict('p', x))) STORED;
\set VERBOSITY default
ALTER TABLE houses ALTER price SET NOT NULL;
ALTER TABLE houses ADD CHECK (price > 0);
ALTER TABLE houses ADD CHECK (price > 0) NOT VALID;
ALTER TABLE houses ADD CONSTRAINT whole_row CHECK (houses IS DISTINCT FROM NULL);
ALTER TABLE houses ADD UNIQUE (price);
ALTER TABLE houses ADD UNIQUE (id, price);
ALTER TABLE houses ADD UNIQUE (id) INCLUDE (price);
ALTER TABLE houses DROP CONSTRAINT houses_pkey, ADD PRIMARY KEY (price);
ALTER TABLE houses ADD EXCLUDE USING btree (price WITH =);
ALTER TABLE houses ADD EXCLUDE USING btree (id WITH =) WHERE (price > 3);
ALTER TABLE houses ADD EXCLUDE USING btree ((price * 2) WITH =);
ALTER TABLE houses ADD FOREIGN KEY (price) REFERENCES prices;
ALTER TABLE houses ADD FOREIGN KEY (price) REFERENCES prices NOT VALID;
CREATE TABLE refers (price double precision REFERENCES houses (price));
-- The same in the definition of the table and of a new column.
CREATE TABLE bad (x real, p double precision NOT NULL GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED PRIMARY KEY) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED, PRIMARY KEY (x, p)) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED UNIQUE) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED CHECK (p > 0)) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED REFERENCES prices) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED, EXCLUDE (p WITH =)) USING pgml;
ALTER TABLE houses ADD COLUMN p double precision NOT NULL GENERATED ALWAYS AS (pgml.predict('p', x)) STORED;
ALTER TABLE houses ADD COLUMN p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED PRIMARY KEY;
ALTER TABLE houses ADD COLUMN p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED UNIQUE;
ALTER TABLE houses ADD COLUMN p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED CHECK (p > 0);
-- On a heap table, where the value is stored, the same is allowed.
CREATE TABLE stored (x real, p double precision NOT NULL GENERATED ALWAYS AS (pgml.predict('p', x)) STORED CHECK (p > 0) UNIQUE);
-- ... until it is to become a prediction that is read.
ALTER TABLE stored SET ACCESS METHOD pgml;
ALTER TABLE stored ALTER p DROP NOT NULL, DROP CONSTRAINT stored_p_check, DROP CONSTRAINT stored_p_key;
CREATE INDEX stored_index ON stored (p);
ALTER TABLE stored SET ACCESS METHOD pgml;
DROP INDEX stored_index;
CREATE INDEX stored_index ON stored (x) WHERE p > 3;
ALTER TABLE stored SET ACCESS METHOD pgml;
DROP INDEX stored_index;
CREATE STATISTICS stored_statistics ON x, p FROM stored;
ALTER TABLE stored SET ACCESS METHOD pgml;
DROP STATISTICS stored_statistics;
CREATE STATISTICS stored_statistics ON (p * 2) FROM stored;
ALTER TABLE stored SET ACCESS METHOD pgml;
DROP STATISTICS stored_statistics;
ALTER TABLE stored SET ACCESS METHOD pgml;

-- Indexes: included columns; a constraint made from an index on predictions.
CREATE INDEX ON houses (id) INCLUDE (price);
CREATE INDEX ON houses (id) INCLUDE ((price * 2));

-- Triggers and rules.
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER t AFTER INSERT ON houses FOR EACH ROW WHEN (NEW.price > 3) EXECUTE FUNCTION nothing();
CREATE TRIGGER t AFTER UPDATE ON houses FOR EACH ROW WHEN (OLD.price IS DISTINCT FROM NEW.price) EXECUTE FUNCTION nothing();
CREATE TRIGGER t AFTER UPDATE OF id, price ON houses FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE CONSTRAINT TRIGGER t AFTER UPDATE ON houses FOR EACH ROW WHEN (OLD.price > 0) EXECUTE FUNCTION nothing();
CREATE TRIGGER t BEFORE UPDATE ON houses FOR EACH ROW WHEN (OLD.price > 0) EXECUTE FUNCTION nothing();
CREATE TRIGGER t BEFORE UPDATE ON houses FOR EACH ROW WHEN (NEW.price > 0) EXECUTE FUNCTION nothing();
CREATE TRIGGER allowed AFTER UPDATE ON houses FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION nothing();
DROP TRIGGER allowed ON houses;

-- The expression stays.
ALTER TABLE houses ALTER price DROP EXPRESSION;
ALTER TABLE houses ALTER price DROP EXPRESSION IF EXISTS;
ALTER TABLE houses ALTER price SET DEFAULT 3;
ALTER TABLE houses ALTER price ADD GENERATED ALWAYS AS IDENTITY;
ALTER TABLE houses ALTER price TYPE text USING 'x';

-- What the expression may hold: columns, constants, built-in immutable functions, operators and casts.
CREATE FUNCTION mine(real) RETURNS real LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE FUNCTION mine_2(double precision) RETURNS double precision LANGUAGE sql IMMUTABLE AS 'SELECT $1 + 1';
CREATE OPERATOR ### (LEFTARG = real, RIGHTARG = real, FUNCTION = float4pl);
CREATE FUNCTION my_plus(real, real) RETURNS real LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE OPERATOR #### (LEFTARG = real, RIGHTARG = real, FUNCTION = my_plus);
CREATE DOMAIN positive AS double precision CHECK (VALUE > 0);
CREATE TYPE pair AS (a int, b int);
CREATE FUNCTION to_pair(real) RETURNS pair LANGUAGE sql IMMUTABLE AS 'SELECT row(1, 2)::pair';
CREATE CAST (real AS pair) WITH FUNCTION to_pair(real);
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', mine(x))) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (mine_2(pgml.predict('p', x))) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x #### x)) STORED) USING pgml;
CREATE TABLE good (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x ### x)) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x::pair)) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (CASE WHEN mine(x) > 3 THEN pgml.predict('p', x) END) STORED) USING pgml;
CREATE TABLE bad (x real, p positive GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x::positive)) STORED) USING pgml;
CREATE TABLE good_2 (x positive, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', pgml.predict('q', x))) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', random())) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', now())) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', (SELECT 1))) STORED) USING pgml;
CREATE TABLE bad (x real, p text GENERATED ALWAYS AS (pgml.predict('p', x) || pgml.version()) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', bad.*)) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', tableoid)) STORED) USING pgml;
CREATE TABLE bad (x timestamptz, p text GENERATED ALWAYS AS (CASE WHEN pgml.predict('p', x) > 3 THEN x END) STORED) USING pgml;
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE bad (x mood, p double precision GENERATED ALWAYS AS (pgml.predict('p', GREATEST(x, 'sad'))) STORED) USING pgml;
CREATE TABLE good_4 (x mood, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p')) STORED) USING pgml;
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x) OVER ()) STORED) USING pgml;
CREATE TABLE bad (x real, p point GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) USING pgml;
-- The project must be known when the table is made.
CREATE TABLE bad (x text, p double precision GENERATED ALWAYS AS (pgml.predict(x, x)) STORED) USING pgml;
CREATE TABLE bad (x bigint, p double precision GENERATED ALWAYS AS (pgml.predict(x, x)) STORED) USING pgml;
CREATE TABLE bad (x text, p double precision GENERATED ALWAYS AS (pgml.predict(NULL::text, x)) STORED) USING pgml;
CREATE TABLE bad (x text, p double precision GENERATED ALWAYS AS (pgml.predict(NULL, x)) STORED) USING pgml;
CREATE TABLE bad (x text, p double precision GENERATED ALWAYS AS (pgml.predict(NULL::bigint, x)) STORED) USING pgml;
CREATE TABLE bad (x text, p double precision GENERATED ALWAYS AS (pgml.predict('p' || mine(1), x)) STORED) USING pgml;
CREATE TABLE good_3 (x real, p double precision GENERATED ALWAYS AS (pgml.predict(substr('pq'::varchar, 1, 1), x)) STORED) USING pgml;
-- The same rules hold however the expression gets into a table: written deferred, added, copied, or with the table.
CREATE TABLE bad (x real, p double precision GENERATED ALWAYS AS (pgml.predict_deferred('p', mine(x))) STORED);
CREATE TABLE loose (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', mine(x))) STORED);
ALTER TABLE loose SET ACCESS METHOD pgml;
CREATE TABLE bad (LIKE loose INCLUDING GENERATED) USING pgml;
ALTER TABLE houses ADD COLUMN p double precision GENERATED ALWAYS AS (pgml.predict('p', mine(x))) STORED;
CREATE TABLE bad (x real) USING pgml;
ALTER TABLE bad ADD COLUMN p double precision GENERATED ALWAYS AS (pgml.predict_deferred(x::text, x)) STORED;
-- Publications, replica identity, partition keys.
SET client_min_messages = error; -- the server warns about wal_level
CREATE PUBLICATION refused_publication FOR TABLE houses WHERE (price > 3);
CREATE PUBLICATION refused_publication FOR TABLE houses (id, price);
CREATE PUBLICATION refused_publication FOR TABLE houses (id, x);
SET client_min_messages = warning;
ALTER PUBLICATION refused_publication SET TABLE houses WHERE (price > 3);
ALTER PUBLICATION refused_publication ADD TABLE good WHERE (x > 3), TABLE stored WHERE (p > 3);
DROP PUBLICATION refused_publication;
CREATE UNIQUE INDEX refused_identity ON stored (p);
ALTER TABLE stored REPLICA IDENTITY USING INDEX refused_identity;
CREATE TABLE bad_key (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) PARTITION BY RANGE (p);
CREATE TABLE bad_key (x real, p double precision GENERATED ALWAYS AS (pgml.predict('p', x)) STORED) PARTITION BY LIST ((p > 3));

-- What a deployment would have to check again, on any table; a model named by its id never changes its answers.
CREATE TABLE bad_key (x real) PARTITION BY RANGE (pgml.predict('p', x));
CREATE TABLE bad_key (x real, CONSTRAINT plausible CHECK (pgml.predict('p', x) > 0));
CREATE TABLE by_id (x real, CHECK (x IS NULL OR pgml.predict(1::bigint, x) > 0));
ALTER TABLE by_id ADD CONSTRAINT plausible CHECK (pgml.classify('p', x) <> 'fraud') NOT VALID;
DROP TABLE by_id;

-- Nothing that was refused left a trace.
\d houses
\d bad
SELECT relname FROM pg_class WHERE relnamespace = 'ddl_refused'::regnamespace AND relkind = 'r' ORDER BY 1;
DROP SCHEMA ddl_refused CASCADE;
