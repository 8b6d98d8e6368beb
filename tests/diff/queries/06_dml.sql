-- Data changes. Every case runs in a transaction that is rolled back; the state after a change is read back inside it.
BEGIN CASE update_by_prediction
UPDATE houses SET sqft = price / 2000 WHERE price > 300000 RETURNING id, sqft, price, kind;
UPDATE houses SET beds = 1 WHERE price > 250000;
SELECT count(*), sum(price) FROM houses;
END CASE
BEGIN CASE update_returning_row
UPDATE houses SET note = 'x', sqft = sqft + 50 WHERE id < 6 RETURNING houses.*, houses;
SELECT h FROM houses h WHERE id < 8 ORDER BY id;
END CASE
BEGIN CASE update_assign_from_prediction
UPDATE houses SET note = kind || price, beds = (price / 100000)::int WHERE id < 50 RETURNING id, note, beds, price;
UPDATE houses SET (note, beds) = (SELECT f.kind || f.price, f.id FROM few f WHERE f.price > houses.price ORDER BY f.price, f.id LIMIT 1) WHERE id < 30 RETURNING id, note, beds, price;
UPDATE houses SET tags[2] = kind, note = NULL WHERE price < 60000 RETURNING id, tags, price;
END CASE
BEGIN CASE delete_by_prediction
DELETE FROM houses WHERE price > 290000 AND id < 2000 RETURNING id, price, houses.kind;
DELETE FROM houses h USING houses i WHERE h.id = i.id + 1 AND h.price > i.price + 50000 RETURNING h.id, h.price, i.price;
SELECT count(*) FROM houses;
END CASE
BEGIN CASE insert_returning
INSERT INTO houses (id, sqft, beds) VALUES (20001, 10, 1) RETURNING *;
INSERT INTO houses (id, sqft, beds, city, note) SELECT id + 30000, sqft, beds, city, price::text FROM houses WHERE price > 330000 RETURNING id, note, price, kind;
INSERT INTO houses DEFAULT VALUES RETURNING id, price, kind, probs;
INSERT INTO houses (id, price, sqft) VALUES (20002, DEFAULT, 5) RETURNING id, price;
INSERT INTO agents (aid, name) SELECT -id, price FROM houses WHERE id < 3 RETURNING *;
SELECT id, price FROM houses WHERE id > 20000 ORDER BY id;
END CASE
BEGIN CASE write_the_column
UPDATE houses SET price = 5;
UPDATE houses SET price = DEFAULT WHERE id = 1 RETURNING price;
INSERT INTO houses (id, price) VALUES (1, 3);
INSERT INTO houses VALUES (1, 2);
END CASE
BEGIN CASE on_conflict
INSERT INTO houses (id, sqft, beds) VALUES (1, 277, 3) ON CONFLICT (id) DO UPDATE SET note = houses.price::text || '/' || EXCLUDED.price::text, sqft = EXCLUDED.sqft WHERE EXCLUDED.price > houses.price RETURNING *;
INSERT INTO houses (id, sqft, beds) VALUES (2, 0, 0) ON CONFLICT (id) DO UPDATE SET note = 'x' WHERE EXCLUDED.price > houses.price RETURNING *;
INSERT INTO houses AS h (id, sqft, beds) SELECT id, sqft * 2, beds FROM houses WHERE id < 40 ON CONFLICT (id) DO UPDATE SET note = EXCLUDED.kind || '<' || h.kind, beds = h.beds + 1 WHERE EXCLUDED.price <> h.price AND EXCLUDED.kind IS NOT NULL RETURNING h.id, h.note, h.price, h;
INSERT INTO houses (id, sqft) VALUES (3, 1), (20003, 2) ON CONFLICT DO NOTHING RETURNING id, price;
INSERT INTO houses (id, sqft, beds) VALUES (4, 111, 1) ON CONFLICT (id) DO UPDATE SET (note, sqft) = (SELECT EXCLUDED.price || ' ' || max(f.price), EXCLUDED.sqft FROM few f WHERE f.price < EXCLUDED.price) RETURNING id, note, price;
INSERT INTO houses (id, sqft, beds) VALUES (5, 112, 1) ON CONFLICT (id) DO UPDATE SET note = EXCLUDED::text RETURNING id, note;
INSERT INTO houses (id, sqft, beds) VALUES (6, 112, 1) ON CONFLICT (id) DO UPDATE SET note = (SELECT h.kind || EXCLUDED.kind FROM houses h WHERE h.id = EXCLUDED.id) RETURNING id, note;
SELECT id, note, price FROM houses WHERE id < 45 ORDER BY id;
END CASE
BEGIN CASE on_conflict_partitioned
CREATE UNIQUE INDEX ON lots_1 (id);
INSERT INTO lots_1 (id, sqft, beds, city) VALUES (3, 250, 4, 'Rome'), (299, 1, 1, 'Oslo') ON CONFLICT (id) DO UPDATE SET note = EXCLUDED.price || ' ' || lots_1.price, sqft = EXCLUDED.sqft WHERE EXCLUDED.price <> lots_1.price RETURNING *;
END CASE
BEGIN CASE on_conflict_partition_routing
DROP INDEX lots_id_idx;
DELETE FROM lots WHERE id >= 700;
DROP TABLE lots_3;
CREATE UNIQUE INDEX ON lots (id);
INSERT INTO lots (id, sqft, beds, city, note) VALUES (3, 250, 4, 'Rome', 'a'), (333, 250, 4, 'Rome', 'b'), (444, 10, 1, 'Oslo', 'c') ON CONFLICT (id) DO UPDATE SET note = EXCLUDED.note || EXCLUDED.price || ' ' || lots.price, sqft = EXCLUDED.sqft WHERE EXCLUDED.price > lots.price OR lots.kind = 'house' RETURNING *;
SELECT * FROM lots WHERE id IN (3, 333, 444) ORDER BY id;
END CASE
BEGIN CASE update_from
UPDATE houses h SET note = 'agent ' || a.aid FROM agents a WHERE a.hid = h.id AND h.price > 300000 AND a.aid < 200 RETURNING h.id, h.note, h.price, a.floor;
UPDATE agents a SET floor = h.price FROM houses h WHERE h.id = a.hid AND h.price > a.floor RETURNING a.aid, a.floor, h.price;
UPDATE houses h SET note = i.price FROM houses i WHERE i.id = h.id + 1 AND i.price > h.price AND h.id < 30 RETURNING h.id, h.note, h.price, i.price;
UPDATE houses h SET beds = 0 FROM agents a LEFT JOIN houses g ON g.id = a.hid AND g.price > 250000 WHERE h.id = a.aid AND a.aid < 60 RETURNING h.id, h.price, g.price;
DELETE FROM agents a USING houses h WHERE h.id = a.hid AND h.price > 310000 RETURNING a.aid, h.price, h;
SELECT count(*), sum(floor) FROM agents;
END CASE
BEGIN CASE merge_source
MERGE INTO agents a USING houses h ON a.hid = h.id AND h.id < 80 WHEN MATCHED AND h.price > 120000 THEN UPDATE SET name = h.price::text || h.kind, floor = h.price WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND h.price > 320000 THEN INSERT (aid, hid, floor) VALUES (10000 + h.id, h.id, h.price);
SELECT * FROM agents WHERE aid < 40 OR aid > 9500 ORDER BY aid;
END CASE
BEGIN CASE merge_target
MERGE INTO houses h USING agents a ON a.hid = h.id AND a.aid < 60 WHEN MATCHED AND h.price > 150000 THEN UPDATE SET note = 'm' || h.price, sqft = a.aid WHEN MATCHED AND h.kind = 'house' THEN DELETE WHEN MATCHED THEN DO NOTHING WHEN NOT MATCHED AND a.aid = 61 THEN INSERT (id, sqft, beds) VALUES (30000, 1, 1);
SELECT id, note, price FROM houses WHERE note LIKE 'm%' OR id = 30000 ORDER BY id;
SELECT count(*), sum(price) FROM houses;
END CASE
BEGIN CASE merge_both
MERGE INTO few t USING (SELECT id, price, sqft, kind FROM houses WHERE id <= 24 AND price IS NOT NULL) s ON t.id = s.id WHEN MATCHED AND s.price > t.price THEN UPDATE SET sqft = s.sqft, city = s.kind WHEN MATCHED AND s.kind = t.kind THEN DELETE WHEN NOT MATCHED AND s.price > 100000 THEN INSERT (id, sqft, beds) VALUES (s.id, s.sqft, length(s.kind));
SELECT * FROM few ORDER BY id;
END CASE
BEGIN CASE merge_partitioned
MERGE INTO lots t USING few s ON t.id = s.id * 60 WHEN MATCHED AND t.price > s.price THEN UPDATE SET note = t.kind || t.price, id = t.id + 1 WHEN MATCHED THEN UPDATE SET id = t.id + 600 WHEN NOT MATCHED THEN INSERT (id, sqft) VALUES (2000, s.price / 1000);
SELECT tableoid::regclass, * FROM lots WHERE note LIKE '%0%' AND id % 60 IN (0, 1) ORDER BY id, note;
END CASE
BEGIN CASE modifying_ctes
WITH u AS (UPDATE houses SET beds = 0 WHERE id = 50 RETURNING id, price) SELECT * FROM u;
WITH d AS (DELETE FROM few WHERE price > 150000 RETURNING *) SELECT id, price, kind, d FROM d ORDER BY id;
WITH i AS (INSERT INTO few (id, sqft, beds, city) VALUES (100, 100, 1, 'Oslo') RETURNING few) SELECT (few).price, few FROM i;
WITH u AS (UPDATE houses SET sqft = sqft + 1 WHERE price > 300000 RETURNING *), j AS (SELECT u.id, u.price AS new, h.price AS old FROM u JOIN houses h USING (id)) SELECT * FROM j ORDER BY id;
END CASE
BEGIN CASE update_partition_key
UPDATE lots SET id = id + 400 WHERE id BETWEEN 280 AND 320 AND price > 100000 RETURNING tableoid::regclass, *;
UPDATE lots SET sqft = sqft * 2 WHERE price < 90000 RETURNING id, price, kind;
DELETE FROM lots WHERE kind = 'castle' RETURNING lots;
INSERT INTO lots (id, sqft, beds, city) VALUES (5, 100, 1, 'Oslo'), (350, 100, 1, 'Oslo'), (750, 100, 1, 'Oslo'), (5000, 100, 1, 'Oslo') RETURNING tableoid::regclass, id, price, kind;
SELECT tableoid::regclass, count(*), sum(price) FROM lots GROUP BY 1 ORDER BY tableoid::regclass::text;
END CASE
BEGIN CASE inheritance_changes
UPDATE estate SET beds = beds + 1 WHERE price > 120000 RETURNING tableoid::regclass, id, price;
DELETE FROM estate WHERE price > 220000 RETURNING tableoid::regclass, estate;
UPDATE ONLY estate e SET beds = h.beds FROM hut h WHERE h.price > e.price RETURNING e.id, e.price;
SELECT tableoid::regclass, count(*), sum(price) FROM estate GROUP BY 1 ORDER BY tableoid::regclass::text;
END CASE
BEGIN CASE check_options
UPDATE checked SET sqft = 20 WHERE id IN (SELECT min(id) FROM checked);
UPDATE checked SET sqft = sqft + 1 WHERE id < 40 RETURNING id, price;
INSERT INTO checked (id, sqft, beds, city) VALUES (40001, 10, 0, 'Oslo');
INSERT INTO checked (id, sqft, beds, city) VALUES (40002, 250, 5, 'Rome') RETURNING id, price;
UPDATE checked_cascaded SET sqft = 15 WHERE price > 200000;
UPDATE checked_cascaded SET beds = 5 WHERE price > 200000 AND id < 100 RETURNING id, price;
DELETE FROM checked WHERE price < 160000 RETURNING id, price;
END CASE
BEGIN CASE view_changes
UPDATE updatable SET note = price || kind WHERE price > 250000 RETURNING id, note, price, kind;
INSERT INTO updatable (id, note, beds) VALUES (50001, 'v', 1) RETURNING *;
DELETE FROM updatable WHERE price < 70000 RETURNING id, price;
UPDATE ruled SET note = 'r' WHERE price > 330000 RETURNING *;
UPDATE barred SET beds = 2 WHERE price > 300000 RETURNING id, price;
SELECT count(*), sum(price) FROM houses;
END CASE
BEGIN CASE transition_tables
INSERT INTO watched (id, sqft, beds, city) VALUES (101, 100, 1, 'Oslo'), (102, 200, 2, 'Rome');
UPDATE watched SET sqft = sqft + 25 WHERE price > 150000;
DELETE FROM watched WHERE price > 200000;
INSERT INTO watched (id, sqft, beds, city) VALUES (5, 100, 1, 'Oslo') ON CONFLICT (id) DO UPDATE SET sqft = EXCLUDED.sqft;
SELECT what, n, total, detail FROM log ORDER BY what, n, total;
END CASE
BEGIN CASE cursors
DECLARE c SCROLL CURSOR FOR SELECT id, price FROM houses WHERE id < 30 AND price > 100000 ORDER BY id;
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH LAST FROM c;
FETCH PRIOR FROM c;
FETCH ABSOLUTE 2 FROM c;
FETCH RELATIVE -1 FROM c;
DECLARE d CURSOR WITH HOLD FOR SELECT id, price, kind FROM houses WHERE price > 330000 ORDER BY price, id;
FETCH 2 FROM d;
FETCH ALL FROM d;
END CASE
BEGIN CASE cursor_update
DECLARE c CURSOR FOR SELECT id, price FROM houses WHERE price > 300000 ORDER BY id FOR UPDATE;
FETCH 2 FROM c;
UPDATE houses SET beds = beds + 1 WHERE CURRENT OF c RETURNING id, price;
FETCH 1 FROM c;
DELETE FROM houses WHERE CURRENT OF c RETURNING id, price, kind;
FETCH 1 FROM c;
SELECT sum(price) FROM houses;
END CASE
BEGIN CASE cursor_sees_its_snapshot
DECLARE c CURSOR FOR SELECT id, price FROM houses WHERE price > 300000 ORDER BY id;
FETCH 2 FROM c;
UPDATE houses SET sqft = 10 WHERE price > 200000;
DELETE FROM houses WHERE id % 2 = 0;
FETCH ALL FROM c;
SELECT count(*), sum(price) FROM houses;
END CASE
BEGIN CASE select_into
CREATE TEMP TABLE copied AS SELECT id, price, kind, probs FROM houses WHERE price > 300000;
SELECT * FROM copied ORDER BY id;
CREATE TEMP TABLE copied_rows AS SELECT h FROM houses h WHERE price > 330000;
SELECT (h).price, h FROM copied_rows ORDER BY (h).id;
CREATE MATERIALIZED VIEW stored AS SELECT city, max(price) m FROM houses GROUP BY city;
SELECT * FROM stored ORDER BY city;
UPDATE houses SET sqft = 300 WHERE city = 'Oslo';
REFRESH MATERIALIZED VIEW stored;
SELECT * FROM stored ORDER BY city;
CREATE TABLE through_am USING pgml AS SELECT id, sqft, price FROM houses WHERE id < 10;
SELECT * FROM through_am ORDER BY id;
END CASE
BEGIN CASE prepared_statements
PREPARE q (bigint) AS SELECT id, price, kind FROM houses WHERE id = $1;
EXECUTE q (1);
EXECUTE q (2);
PREPARE w (float8, int) AS SELECT id, price FROM houses WHERE price > $1 ORDER BY price, id LIMIT $2 OFFSET 1;
EXECUTE w (300000, 3);
EXECUTE w (100000, 2);
SET LOCAL plan_cache_mode = force_generic_plan;
EXECUTE q (3);
EXECUTE w (330000, 5);
PREPARE u (float8) AS UPDATE houses SET note = 'p' WHERE price > $1 RETURNING id, price, note;
EXECUTE u (340000);
PREPARE i (real) AS INSERT INTO houses (id, sqft) VALUES (60000 + $1::int, $1) RETURNING id, price;
EXECUTE i (55);
DEALLOCATE q;
DEALLOCATE w;
DEALLOCATE u;
DEALLOCATE i;
END CASE
BEGIN CASE volatile_function_updates
SELECT * FROM f_update(7);
SELECT i, p FROM f_update(8);
SELECT id, price FROM houses WHERE id IN (7, 8) ORDER BY id;
DO $$DECLARE r record; BEGIN FOR r IN SELECT id, price FROM houses WHERE price > 340000 ORDER BY id LOOP UPDATE houses SET note = r.price WHERE id = r.id; END LOOP; END$$;
SELECT id, note, price FROM houses WHERE price > 340000 ORDER BY id;
END CASE
BEGIN CASE truncate_and_refill
TRUNCATE few;
SELECT count(*), sum(price) FROM few;
INSERT INTO few SELECT id, sqft, beds, city FROM houses WHERE price > 330000 ORDER BY id;
SELECT * FROM few ORDER BY id;
END CASE
BEGIN CASE alter_features
ALTER TABLE few RENAME COLUMN sqft TO area;
SELECT id, area, price FROM few ORDER BY id;
ALTER TABLE few ADD COLUMN extra int DEFAULT 7;
SELECT * FROM few WHERE price > 100000 ORDER BY id;
ALTER TABLE few DROP COLUMN extra;
ALTER TABLE few RENAME COLUMN price TO worth;
SELECT f, worth FROM few f WHERE worth > 100000 ORDER BY id;
END CASE
BEGIN CASE foreign_changes
SELECT id, price FROM far_few ORDER BY id;
UPDATE far_few SET beds = 2 WHERE price > 150000 RETURNING id, price;
INSERT INTO far_few (id, sqft, beds, city) VALUES (77, 100, 2, 'Oslo') RETURNING id, price;
DELETE FROM far_few WHERE price < 100000 RETURNING id, price;
SELECT id, price FROM far_few ORDER BY id;
END CASE
BEGIN CASE row_locks
SELECT id, price FROM houses WHERE price > 340000 ORDER BY price, id FOR UPDATE NOWAIT;
SELECT h.id, h.price, f.price FROM houses h JOIN few f ON f.id = h.id ORDER BY 1 FOR SHARE OF h;
SELECT h.id, h.price FROM (SELECT * FROM houses WHERE price > 340000 ORDER BY id LIMIT 3) h FOR UPDATE;
SELECT f.id, h.price FROM few f LEFT JOIN houses h ON h.id = f.id AND h.price > 150000 ORDER BY 1 FOR UPDATE OF f;
WITH l AS (SELECT id, price FROM few WHERE price > 100000 FOR UPDATE) UPDATE few SET beds = 3 FROM l WHERE l.id = few.id RETURNING few.id, few.price, l.price;
END CASE
