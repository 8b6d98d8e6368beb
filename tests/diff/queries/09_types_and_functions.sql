-- Feature types, composite and array arguments, more ways through functions, triggers on views, multiple inheritance levels.
SELECT * FROM typed ORDER BY id;
SELECT id, y, twice FROM typed WHERE twice > 300 AND y < 400 ORDER BY id;
SELECT e, count(*), max(y) FROM typed GROUP BY e ORDER BY e;
SELECT t FROM typed t WHERE y = (SELECT max(y) FROM typed) ORDER BY id;
SELECT a.aid, t.y, t.twice FROM agents a LEFT JOIN typed t ON t.id = a.aid AND t.b WHERE a.aid < 160 ORDER BY 1;
SELECT id, pgml.predict( 'house price', ROW(sqft, beds, city)), pgml.predict( 'house price', h) = price FROM houses h WHERE id < 30 OR id > 9000 ORDER BY id;
SELECT f.id, pgml.predict( 'house price', f), pgml.classify( 'kind', f) FROM few f ORDER BY id;
SELECT a.aid, pgml.predict( 'house price', f) FROM agents a JOIN few f ON f.id = a.aid WHERE pgml.predict( 'house price', f) > 90000 ORDER BY 1;
SELECT pgml.predict( 'vector', v || beds::real) FROM vecs WHERE v IS NOT NULL AND beds IS NOT NULL ORDER BY id;
SELECT pgml.predict( 'vector', ARRAY[1, 2, 3, id]) FROM few ORDER BY id;
SELECT pgml.predict( 'rent', VARIADIC ARRAY[sqft, beds]) = pgml.predict( 'rent', sqft, beds) FROM few ORDER BY id;
SELECT p.name, max(pgml.predict(p.name, sqft, beds)) > 0 FROM few, (VALUES ('rent'), ('grade')) p(name) GROUP BY 1 ORDER BY 1;
SELECT id, pgml.predict(CASE WHEN id % 2 = 0 THEN 'sold' ELSE 'grade' END, sqft, beds) FROM few WHERE sqft IS NOT NULL ORDER BY id;
SELECT (f_one(5)).price, (f_one(6)).*;
SELECT o.price, o FROM f_one(9) o;
SELECT h.id, (f_one(h.id)).price = h.price FROM houses h WHERE id < 20 ORDER BY id;
SELECT tableoid::regclass, id, price FROM estate WHERE id > 100 ORDER BY id;
SELECT id, price, worth, castle FROM castle WHERE price = worth ORDER BY id;
SELECT v.id, v.price, c.worth FROM villa v LEFT JOIN castle c ON c.id = v.id AND c.worth > 150000 ORDER BY 1;
SELECT id, length(city), price, kind FROM houses WHERE length(city) > 100;
SELECT h.city, h.price FROM houses h JOIN few f ON f.id < 3 AND length(h.city) > 100 ORDER BY f.id;
SELECT id, price FROM houses ORDER BY city DESC NULLS LAST, id LIMIT 3;
BEGIN CASE functions_that_change
SELECT f_plpgsql_statements(5);
SELECT f_plpgsql_statements(77);
SELECT id, price, kind FROM f_insert(901);
SELECT (f_insert(902)).price;
WITH n AS (SELECT * FROM f_insert(903)) SELECT price, n FROM n;
SELECT id, price FROM few WHERE id > 900 ORDER BY id;
END CASE
BEGIN CASE instead_of_trigger
UPDATE redirected SET note = 'x' WHERE price > 400000;
UPDATE redirected SET note = price::text WHERE id < 40 RETURNING id, price;
SELECT * FROM redirections ORDER BY id, what;
END CASE
BEGIN CASE inheritance_levels
UPDATE estate SET sqft = sqft + 10 WHERE price > 180000 RETURNING tableoid::regclass, id, price;
DELETE FROM villa WHERE price < 120000 RETURNING tableoid::regclass, id, price;
UPDATE castle SET beds = towers WHERE worth > 100000 RETURNING id, price, worth, castle;
MERGE INTO castle c USING few f ON f.id + 110 = c.id WHEN MATCHED AND c.worth > f.price THEN UPDATE SET city = f.kind WHEN MATCHED THEN DELETE;
SELECT tableoid::regclass, count(*), sum(price) FROM estate GROUP BY 1 ORDER BY tableoid::regclass::text;
END CASE
BEGIN CASE like_and_copies
CREATE TABLE copy_all (LIKE few INCLUDING ALL);
INSERT INTO copy_all (id, sqft, beds, city) SELECT id + 100, sqft, beds, city FROM few;
SELECT * FROM copy_all ORDER BY id;
CREATE TEMP TABLE temporary (LIKE few INCLUDING GENERATED) USING pgml ON COMMIT DROP;
INSERT INTO temporary (id, sqft, beds, city) SELECT id, sqft, beds, city FROM few WHERE price > 60000;
SELECT t.id, t.price, t.kind FROM temporary t JOIN few f USING (id) WHERE t.price = f.price ORDER BY 1;
ALTER TABLE few SET ACCESS METHOD heap;
SELECT id, price, kind FROM few ORDER BY id;
UPDATE few SET sqft = sqft + 20 WHERE price > 60000 RETURNING id, price;
CLUSTER copy_all USING copy_all_pkey;
SELECT sum(price), count(kind) FROM copy_all;
END CASE
BEGIN CASE merge_with_subqueries
MERGE INTO few t USING (SELECT id, max(price) AS top FROM lots WHERE id <= 20 GROUP BY id) s ON t.id = s.id AND t.price < s.top WHEN MATCHED AND t.kind IN (SELECT kind FROM houses WHERE price > t.price) THEN UPDATE SET city = s.top::text, beds = (SELECT count(*) FROM few f WHERE f.price < t.price)::int % 5 WHEN NOT MATCHED THEN INSERT (id, sqft, beds, city) VALUES (s.id + 1000, s.top / 1000, 1, 'm');
SELECT * FROM few ORDER BY id;
END CASE
BEGIN CASE savepoints_and_constraints
ALTER TABLE few ADD CONSTRAINT positive CHECK (sqft > 0);
UPDATE few SET sqft = -price WHERE price > 100000;
ALTER TABLE few ADD CONSTRAINT one_per_city EXCLUDE (id WITH =);
INSERT INTO few (id, sqft) VALUES (3, 3);
INSERT INTO few (id, sqft) VALUES (3, 3) ON CONFLICT ON CONSTRAINT one_per_city DO NOTHING RETURNING price;
DELETE FROM few WHERE ctid = ANY (ARRAY(SELECT ctid FROM few WHERE price > 150000)) RETURNING id, price;
SELECT sum(price) FROM few;
END CASE
