-- Rights around prediction columns: privileges on columns, views and policies mean what they mean for stored columns;
-- the model is used with the rights of the table's owner, a direct call with the caller's.
CREATE SCHEMA regress_rewrite_rights;
SET search_path = regress_rewrite_rights;
SET client_min_messages = warning;
CREATE ROLE regress_trainer;
CREATE ROLE regress_owner;
CREATE ROLE regress_reader;
CREATE ROLE regress_viewer;
GRANT ALL ON SCHEMA regress_rewrite_rights TO regress_trainer, regress_owner, regress_viewer;
GRANT USAGE ON SCHEMA regress_rewrite_rights TO regress_reader;
SET ROLE regress_trainer;
CREATE TABLE sales AS SELECT a::real AS sqft, (3.0 * a + 11)::real AS price FROM generate_series(1, 100) AS a;
SELECT deployed FROM pgml.train('rewrite rights', 'regression', 'sales', 'price');
SELECT pgml.grant_use('rewrite rights', 'regress_owner');
SET ROLE regress_owner;
CREATE TABLE houses (
	id int PRIMARY KEY, sqft real,
	price float8 GENERATED ALWAYS AS (pgml.predict('rewrite rights', sqft)) STORED
) USING pgml;
INSERT INTO houses SELECT i, i FROM generate_series(1, 20) i;
GRANT SELECT (id, price) ON houses TO regress_reader;
RESET client_min_messages;

-- A reader of the column needs no right on the features, nor on the model.
SET ROLE regress_reader;
SELECT id, round(price) AS price FROM houses WHERE price > 60 ORDER BY price;
SELECT count(*) FROM houses a JOIN houses b USING (price);
SELECT sqft FROM houses;
SELECT houses FROM houses;
SELECT price FROM houses WHERE sqft > 0;
SELECT price, ctid FROM houses;
SELECT price FROM houses FOR UPDATE;
UPDATE houses SET sqft = price;
SELECT pgml.predict('rewrite rights', 1::real);
SELECT price, pgml.predict('rewrite rights', 1::real) FROM houses;
SET pgml.batch = off;
EXPLAIN (COSTS OFF) SELECT id FROM houses WHERE id = 1 AND price IS NOT NULL AND pgml.predict('rewrite rights', id::real) > 0;
SELECT count(price) FROM houses;
SELECT count(pgml.predict('rewrite rights', id::real)) FROM houses;
RESET pgml.batch;

-- Writing: RETURNING needs the right to read the column, and no more.
SET ROLE regress_owner;
GRANT INSERT, UPDATE (sqft), DELETE ON houses TO regress_reader;
SET ROLE regress_reader;
BEGIN;
INSERT INTO houses (id, sqft) VALUES (21, 21) RETURNING id, round(price) AS price;
UPDATE houses SET sqft = 22 WHERE price > 70 RETURNING id, round(price) AS price;
DELETE FROM houses WHERE price > 70 RETURNING id, round(price) AS price;
SAVEPOINT s;
UPDATE houses SET sqft = 22 WHERE price > 60 RETURNING sqft;
ROLLBACK TO s;
INSERT INTO houses (id, sqft) VALUES (1, 30) ON CONFLICT (id) DO UPDATE SET sqft = EXCLUDED.price RETURNING id;
ROLLBACK;

-- A view's owner reads, with the table owner's model.
SET ROLE regress_owner;
REVOKE ALL ON houses FROM regress_reader;
REVOKE ALL (id, price) ON houses FROM regress_reader;
GRANT SELECT (id, price) ON houses TO regress_viewer;
SET ROLE regress_viewer;
CREATE VIEW prices AS SELECT id, price FROM houses;
CREATE VIEW features AS SELECT id, sqft FROM houses;
GRANT SELECT ON prices, features TO regress_reader;
SET ROLE regress_reader;
SELECT id, round(price) AS price FROM prices WHERE price > 65 ORDER BY id;
SELECT id FROM features;
SELECT price FROM houses;

-- The table's owner loses the right: the column cannot be read by anybody, in no cached plan either, and other columns can.
SET ROLE regress_owner;
GRANT SELECT ON houses TO regress_reader;
SET ROLE regress_reader;
PREPARE of_reader AS SELECT round(price) AS price FROM houses WHERE id = 1;
SET plan_cache_mode = force_generic_plan;
EXECUTE of_reader;
SET ROLE regress_trainer;
SELECT pgml.revoke_use('rewrite rights', 'regress_owner');
SET ROLE regress_reader;
EXECUTE of_reader;
SELECT id, sqft FROM houses WHERE id = 1;
SELECT price FROM houses WHERE id = 1;
SELECT price FROM prices WHERE id = 1;
SELECT b.id FROM houses a JOIN houses b USING (id) WHERE id = 1;
EXPLAIN (COSTS OFF) EXECUTE of_reader;
SET ROLE regress_owner;
UPDATE houses SET sqft = sqft WHERE id = 1 RETURNING id;
UPDATE houses SET sqft = sqft WHERE id = 1 RETURNING price;
-- A superuser reads with the owner's rights, too.
RESET ROLE;
SELECT price FROM houses WHERE id = 1;
SELECT round(pgml.predict('rewrite rights', 1::real)) AS direct;
-- The reader's own right does not replace the owner's.
SELECT pgml.grant_use('rewrite rights', 'regress_reader');
SET ROLE regress_reader;
SELECT round(pgml.predict('rewrite rights', sqft)) AS direct FROM houses WHERE id = 1;
SELECT price FROM houses WHERE id = 1;
SET ROLE regress_trainer;
SELECT pgml.revoke_use('rewrite rights', 'regress_reader');
SELECT pgml.grant_use('rewrite rights', 'regress_owner');
SET ROLE regress_reader;
EXECUTE of_reader;
DEALLOCATE of_reader;
RESET plan_cache_mode;

-- A new owner brings its own rights.
RESET ROLE;
ALTER TABLE houses OWNER TO regress_viewer;
SELECT round(price) AS price FROM houses WHERE id = 1;
ALTER TABLE houses OWNER TO regress_owner;
SELECT round(price) AS price FROM houses WHERE id = 1;

-- A constant call folded into a cached plan is checked again for another role.
CREATE FUNCTION folded() RETURNS float8 LANGUAGE sql IMMUTABLE AS $$ SELECT pgml.predict('rewrite rights', 1::real) $$;
PREPARE folded AS SELECT round(folded()) AS folded;
SET plan_cache_mode = force_generic_plan;
SET ROLE regress_owner;
EXECUTE folded;
SET ROLE regress_reader;
EXECUTE folded;
RESET ROLE;
EXECUTE folded;
DEALLOCATE folded;
RESET plan_cache_mode;

-- Policies on a prediction hold back hidden rows from functions that leak.
ALTER TABLE houses ENABLE ROW LEVEL SECURITY;
CREATE POLICY expensive ON houses TO regress_reader USING (price > 65);
CREATE FUNCTION leak(float8, int) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
BEGIN
	RAISE NOTICE 'leak id=% value=%', $2, round($1);
	RETURN true;
END $$;
SET ROLE regress_reader;
SELECT id FROM houses WHERE leak(sqft, id);
SELECT id FROM houses WHERE leak(price, id);
SET pgml.batch = off;
SELECT id FROM houses WHERE leak(price, id);
EXPLAIN (COSTS OFF) SELECT id FROM houses WHERE leak(price, id);
RESET pgml.batch;
RESET ROLE;
ALTER TABLE houses DISABLE ROW LEVEL SECURITY;
CREATE VIEW barrier WITH (security_barrier) AS SELECT id, price FROM houses WHERE price > 65;
GRANT SELECT ON barrier TO regress_reader;
SET ROLE regress_reader;
SELECT id FROM barrier WHERE leak(price, id);
RESET ROLE;

SET client_min_messages = warning;
DROP SCHEMA regress_rewrite_rights CASCADE;
DELETE FROM pgml.projects WHERE name = 'rewrite rights';
DROP OWNED BY regress_trainer, regress_owner, regress_reader, regress_viewer;
DROP ROLE regress_trainer, regress_owner, regress_reader, regress_viewer;
