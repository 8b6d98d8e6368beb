-- Prediction columns of the table that a command writes to: in WHERE, SET, RETURNING, ON CONFLICT, MERGE, views, policies,
-- rules and transition tables. Compared with a heap table that stores the real predictions.
CREATE SCHEMA regress_rewrite_dml;
SET search_path = regress_rewrite_dml;
SET client_min_messages = warning;
CREATE TABLE sales AS SELECT a::real AS sqft, a % 5 AS beds, (3.0 * a + 7 * (a % 5) + 11)::real AS price
	FROM generate_series(1, 100) AS a;
SELECT deployed FROM pgml.train('rewrite_dml', 'regression', 'sales', 'price');
CREATE TABLE houses (
	gone int, id int PRIMARY KEY, sqft real, note text, beds int,
	price float8 GENERATED ALWAYS AS (pgml.predict('rewrite_dml', sqft, beds)) STORED
) USING pgml;
CREATE TABLE stored (
	gone int, id int PRIMARY KEY, sqft real, note text, beds int,
	price float8 GENERATED ALWAYS AS (pgml.predict('rewrite_dml', sqft, beds)) STORED
);
ALTER TABLE houses DROP COLUMN gone;
ALTER TABLE stored DROP COLUMN gone;
INSERT INTO houses SELECT i, i % 40, 'n' || i, i % 5 FROM generate_series(1, 200) i;
INSERT INTO stored SELECT id, sqft, note, beds FROM houses;
CREATE TABLE agents AS SELECT i AS aid, i * 2 AS hid, NULL::text AS note FROM generate_series(1, 120) i;
CREATE TABLE log (line text);
RESET client_min_messages;

-- Runs commands on one table, then takes them back. Gives all rows they return, and what the tables hold afterwards.
CREATE FUNCTION effect(relation text, commands text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE lines text[]; command text; line record;
BEGIN
	BEGIN
		FOREACH command IN ARRAY commands || '{SELECT sum(hashtext(h::text)) FROM @ h, TABLE agents, TABLE log}'::text[] LOOP
			IF command ~* '^(SELECT|TABLE|.*RETURNING)' THEN
				FOR line IN EXECUTE replace(command, '@', relation) LOOP lines = lines || line::text; END LOOP;
			ELSE
				EXECUTE replace(command, '@', relation);
			END IF;
		END LOOP;
		RAISE EXCEPTION USING ERRCODE = 'PG001';
	EXCEPTION
		WHEN SQLSTATE 'PG001' THEN NULL;
		WHEN OTHERS THEN lines = lines || (SQLSTATE || ' ' || SQLERRM);
	END;
	SELECT array_agg(replace(l, 'stored', 'houses') ORDER BY l COLLATE "C") INTO lines FROM unnest(lines) l;
	RETURN array_to_string(lines, E'\n');
END $$;
CREATE FUNCTION same(VARIADIC commands text[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE seen text = effect('houses', commands); expected text = effect('stored', commands);
BEGIN
	IF seen IS DISTINCT FROM expected OR seen ~ '^(42P|42601|42703|XX)' THEN
		RAISE NOTICE E'%\n-- expected\n%', seen, expected;
	END IF;
	RETURN seen IS NOT DISTINCT FROM expected;
END $$;

SELECT same('UPDATE @ SET sqft = price / 10, note = @::text WHERE price > 100 RETURNING *, @, @ IS NOT NULL, ctid IS NULL');
SELECT same('UPDATE @ h SET (note, beds) = (SELECT h.price || ''/'' || max(i.price), 2 FROM @ i WHERE i.price < h.price) WHERE price > 100 RETURNING *');
SELECT same('UPDATE @ h SET note = aid || '' '' || i.price FROM agents, @ i WHERE hid = h.id AND h.price > 60 AND i.id = h.id + 1
	RETURNING h.id, h.note, h.price, i.price, i, h');
SELECT same('DELETE FROM @ WHERE price > 90 RETURNING id, price, @');
SELECT same('DELETE FROM @ h USING @ i WHERE h.price = i.price + 7 AND i.id > 100 RETURNING h.id, h.price, i.price');
SELECT same('DELETE FROM agents USING @ h WHERE h.id = hid AND h.price > 90 RETURNING aid, h.price, h');
SELECT same('INSERT INTO @ (id, sqft, beds) VALUES (1001, 10, 1), (1002, 11, 2) RETURNING *, @, (@).price');
SELECT same('INSERT INTO @ (id, sqft, beds) SELECT id + 1000, price / 10, 1 FROM @ WHERE price > 100 RETURNING id, price');
SELECT same('WITH u AS (UPDATE @ SET beds = 0 WHERE price > 100 RETURNING id, price, @ AS r),
	d AS (DELETE FROM @ WHERE id = 60 RETURNING price) SELECT * FROM u, d');

-- ON CONFLICT: the row there is, the row that was proposed, and the row that results.
SELECT same('INSERT INTO @ (id, sqft, beds) VALUES (1, 777, 3), (1001, 1, 1) ON CONFLICT (id) DO UPDATE
	SET note = @.price || ''/'' || EXCLUDED.price || EXCLUDED::text || @::text || (EXCLUDED IS NOT NULL)::text, sqft = EXCLUDED.sqft
	WHERE EXCLUDED.price > @.price RETURNING *, @');
SELECT same('INSERT INTO @ (id, sqft, beds) VALUES (39, 0, 0) ON CONFLICT (id) DO UPDATE SET note = ''x'' WHERE EXCLUDED.price > @.price RETURNING *');
SELECT same('INSERT INTO @ AS t (id, sqft, beds) VALUES (1, 778, 3) ON CONFLICT (id) DO UPDATE
	SET (note, beds) = (SELECT EXCLUDED.price || '' '' || t.price || count(*), 4 FROM @ i WHERE i.price < EXCLUDED.price) RETURNING *');
-- A unique index on predictions can be the arbiter.
SELECT same('DELETE FROM @ WHERE id > 39', 'CREATE UNIQUE INDEX ON @ (price)',
	'INSERT INTO @ (id, sqft, beds) VALUES (1001, 5, 0) ON CONFLICT (price) DO UPDATE SET note = ''there'' RETURNING *',
	'INSERT INTO @ (id, sqft, beds) VALUES (1002, 5, 0) ON CONFLICT (price) DO NOTHING RETURNING *');

-- MERGE, as source and as target.
SELECT same('MERGE INTO agents USING @ h ON hid = h.id AND h.price > 50 WHEN MATCHED AND h.price > 100 THEN UPDATE SET note = h.price || h::text
	WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND h.price < 20 THEN INSERT VALUES (-1, h.id, h.price)');
SELECT same('MERGE INTO @ h USING agents ON hid = h.id AND h.price > 50 WHEN MATCHED AND h.price > 90 THEN UPDATE SET note = h.price || h::text, sqft = h.price / 10
	WHEN MATCHED AND h.id < 30 THEN DELETE WHEN NOT MATCHED AND aid > 110 THEN INSERT (id, sqft, beds) VALUES (hid + 1000, aid, 1)');
SELECT same('MERGE INTO @ h USING (SELECT id, price FROM @) s ON s.id = h.id + 1 WHEN MATCHED AND h.price > s.price THEN UPDATE SET note = s.price || (SELECT '' '' || max(price) FROM @)');

-- Views, with the check option on a prediction.
CREATE VIEW view_houses AS SELECT id, price, sqft, beds, houses AS r FROM houses WHERE price > 20 WITH CHECK OPTION;
CREATE VIEW view_stored AS SELECT id, price, sqft, beds, stored AS r FROM stored WHERE price > 20 WITH CHECK OPTION;
SELECT same('UPDATE view_@ SET sqft = price / 2 WHERE price > 100 RETURNING id, price, r');
SELECT same('INSERT INTO view_@ (id, sqft, beds) VALUES (1001, 100, 3) RETURNING *');
SELECT same('INSERT INTO view_@ (id, sqft, beds) VALUES (30, 100, 3) ON CONFLICT (id) DO UPDATE SET sqft = EXCLUDED.price / 10 WHERE view_@.price <> EXCLUDED.price RETURNING *');
SELECT same('DELETE FROM view_@ WHERE price > 100 RETURNING id, price');
UPDATE view_houses SET sqft = -100 WHERE id = 30;
INSERT INTO view_houses (id, sqft, beds) VALUES (1001, -100, 0);

-- WHERE CURRENT OF.
BEGIN;
DECLARE c CURSOR FOR SELECT id, price FROM houses WHERE price > 100 FOR UPDATE;
MOVE 2 FROM c;
UPDATE houses SET note = round(price) WHERE CURRENT OF c RETURNING id, note, round(price) AS price;
MOVE 1 FROM c;
DELETE FROM houses WHERE CURRENT OF c RETURNING id, round(price) AS price;
ROLLBACK;

-- Row security on a prediction, reading and writing.
CREATE ROLE regress_rewrite_dml;
GRANT USAGE ON SCHEMA regress_rewrite_dml TO regress_rewrite_dml;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA regress_rewrite_dml TO regress_rewrite_dml;
-- The heap table calls pgml.predict when it is written to: that needs the writer's own right, the column does not.
SELECT pgml.grant_use('rewrite_dml', 'regress_rewrite_dml');
ALTER TABLE houses ENABLE ROW LEVEL SECURITY;
ALTER TABLE stored ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON houses USING (price > 60 AND (houses).price < 1e6 AND EXISTS (SELECT FROM agents WHERE hid <> houses.id AND aid < houses.price))
	WITH CHECK (price > 70 AND houses IS NOT NULL);
CREATE POLICY p ON stored USING (price > 60 AND (stored).price < 1e6 AND EXISTS (SELECT FROM agents WHERE hid <> stored.id AND aid < stored.price))
	WITH CHECK (price > 70 AND stored IS NOT NULL);
SET ROLE regress_rewrite_dml;
SELECT same('SELECT count(*), min(price) FROM @', 'SELECT h, h.price, tableoid::regclass FROM @ h WHERE h.price < 80',
	'SELECT aid, price FROM agents LEFT JOIN @ ON id = hid', 'SELECT id, price FROM @ WHERE id < 30 FOR UPDATE');
SELECT same('UPDATE @ SET sqft = sqft + 1 WHERE price > 80 RETURNING id, price');
SELECT same('UPDATE @ SET sqft = 0 WHERE price > 80 RETURNING id, price');
SELECT same('UPDATE @ h SET note = ''z'' FROM @ i WHERE i.id = h.id + 1 AND i.price > 80 AND h.price > 70 RETURNING h.id, h.price, i.price');
SELECT same('INSERT INTO @ (id, sqft, beds, note) VALUES (1001, 900, 3, ''x'') RETURNING price');
SELECT same('INSERT INTO @ (id, sqft, beds, note) VALUES (1001, 1, 0, ''x'') RETURNING price');
SELECT same('INSERT INTO @ (id, sqft, beds, note) VALUES (39, 900, 0, ''x'') ON CONFLICT (id) DO UPDATE SET sqft = 20 RETURNING price');
SELECT same('DELETE FROM @ WHERE id < 50 RETURNING id, price');
RESET ROLE;
ALTER TABLE houses DISABLE ROW LEVEL SECURITY;
ALTER TABLE stored DISABLE ROW LEVEL SECURITY;

-- Rules see the old row's prediction.
SELECT same('CREATE RULE r AS ON UPDATE TO @ DO ALSO INSERT INTO log SELECT old.price || '' '' || old::text', 'UPDATE @ SET beds = 4 WHERE id < 4');
SELECT same('CREATE RULE r AS ON DELETE TO @ DO INSTEAD INSERT INTO log VALUES (old.price)', 'DELETE FROM @ WHERE price > 110');

-- Transition tables: predictions are made from the transition row.
CREATE FUNCTION log_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO log SELECT n.price || ' ' || o.price || ' ' || n::text || (n IS NOT NULL)::text || (SELECT max(m.price) FROM new_rows m)
		FROM new_rows n JOIN old_rows o USING (id);
	RETURN NULL;
END $$;
SELECT same('CREATE TRIGGER t AFTER UPDATE ON @ REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION log_change()',
	'UPDATE @ SET beds = 4 - beds, note = price WHERE price > 100', 'UPDATE @ SET sqft = sqft + 1 WHERE id < 3');

-- Partitions: rows that move, each partition with its own column order.
CREATE TABLE part_houses (id int, a real, b int, p float8 GENERATED ALWAYS AS (pgml.predict('rewrite_dml', a, b)) STORED) PARTITION BY RANGE (id);
CREATE TABLE part1 PARTITION OF part_houses FOR VALUES FROM (0) TO (50) USING pgml;
CREATE TABLE part2 (b int, junk int, p float8 GENERATED ALWAYS AS (pgml.predict('rewrite_dml', a, b)) STORED, id int, a real) USING pgml;
ALTER TABLE part2 DROP COLUMN junk;
ALTER TABLE part_houses ATTACH PARTITION part2 FOR VALUES FROM (50) TO (200);
CREATE UNIQUE INDEX ON part_houses (id);
CREATE TABLE part_stored (id int PRIMARY KEY, a real, b int, p float8 GENERATED ALWAYS AS (pgml.predict('rewrite_dml', a, b)) STORED);
INSERT INTO part_houses SELECT i, i % 40, i % 5 FROM generate_series(1, 99) i;
INSERT INTO part_stored SELECT id, a, b FROM part_houses;
SELECT same('UPDATE part_@ SET id = id + 50, a = p / 10 WHERE p > 60 AND id < 50 RETURNING *, part_@', 'SELECT * FROM part_@');
SELECT same('INSERT INTO part_@ VALUES (1, 5, 5), (60, 2, 2), (150, 1, 1) ON CONFLICT (id) DO UPDATE SET a = EXCLUDED.p / 10
	WHERE EXCLUDED.p <> part_@.p AND EXCLUDED IS NOT NULL RETURNING *, part_@');
SELECT same('MERGE INTO part_@ t USING (SELECT id, p FROM part_@ WHERE p > 40) s ON t.id = s.id + 1 WHEN MATCHED AND t.p > s.p THEN UPDATE SET a = s.p
	WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (0, 2, 3)', 'SELECT * FROM part_@');
SELECT same('DELETE FROM part_@ h USING part_@ i WHERE h.p = i.p + 3 AND i.id < 20 RETURNING h.*, i.p, h');

SET client_min_messages = warning;
DROP SCHEMA regress_rewrite_dml CASCADE;
DROP OWNED BY regress_rewrite_dml;
DROP ROLE regress_rewrite_dml;
