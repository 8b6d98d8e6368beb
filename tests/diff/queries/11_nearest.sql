-- Nearest neighbours: on the tested side through faiss indexes, of another kind for each column, operator and partition. In table
-- "near" no two distances are equal; in "grid" many are, and either distances are compared or the order goes on by id.
SELECT id, v <-> q(1) AS d FROM near ORDER BY v <-> q(1) LIMIT 10;
SELECT id, v <=> q(2) AS d FROM near ORDER BY v <=> q(2) LIMIT 10;
SELECT id, v <#> q(3) AS d FROM near ORDER BY v <#> q(3) LIMIT 10;
SELECT id FROM near ORDER BY r <-> (SELECT r FROM queries WHERE n = 1) LIMIT 7;
SELECT id FROM near ORDER BY r <#> (SELECT r FROM queries WHERE n = 2) LIMIT 7;
SELECT id FROM near ORDER BY r <=> (SELECT r FROM queries WHERE n = 3) LIMIT 7;
SELECT id FROM near ORDER BY v <-> q(4) LIMIT 900;
SELECT id FROM near ORDER BY v <-> q(4) LIMIT 10 OFFSET 25;
SELECT id FROM near ORDER BY v <#> q(5) LIMIT 3 OFFSET 890;
SELECT id FROM near ORDER BY q(5) <-> v LIMIT 6;
SELECT id FROM near ORDER BY v <-> q(6) FETCH FIRST 3 ROWS WITH TIES;
SELECT id, g FROM near ORDER BY subvector(v, 1, 4)::vector(4) <-> '[0.1,0.2,0.3,0.4]' LIMIT 5;
SELECT id FROM near WHERE g = 1 ORDER BY v <=> q(7) LIMIT 9;
SELECT id FROM near ORDER BY v <-> q(8), id LIMIT 12;
SELECT id FROM near ORDER BY v <-> q(8) LIMIT 0;
SELECT id FROM near WHERE v IS NOT NULL ORDER BY v <-> (SELECT v FROM near WHERE id = 17) LIMIT 5;
SELECT v <-> q(1) < v <-> q(2), id FROM near ORDER BY v <-> q(1) LIMIT 20;
-- Filters, also ones that leave next to nothing, and on predictions.
SELECT id FROM near WHERE g = 3 ORDER BY v <-> q(1) LIMIT 10;
SELECT id FROM near WHERE g = 3 AND id > 850 ORDER BY v <-> q(1) LIMIT 4;
SELECT id FROM near WHERE id % 97 = 0 AND v IS NOT NULL ORDER BY v <=> q(2);
SELECT id FROM near WHERE id = 5 ORDER BY v <#> q(2) LIMIT 3;
SELECT id FROM near WHERE false ORDER BY v <#> q(2) LIMIT 3;
SELECT id, price FROM near WHERE price > 250000 ORDER BY v <-> q(3) LIMIT 10;
SELECT id, price FROM near ORDER BY v <-> q(3) LIMIT 10;
SELECT id FROM near WHERE city IS NULL AND price < (SELECT avg(price) FROM few) ORDER BY v <-> q(4) LIMIT 8;
SELECT id FROM near WHERE EXISTS (SELECT 1 FROM few f WHERE f.beds = near.beds AND f.price > near.price) ORDER BY v <-> q(4) LIMIT 8;
SELECT id FROM near WHERE g IN (SELECT beds FROM few) ORDER BY v <-> q(4) LIMIT 8;
-- Distances as ranges.
SELECT id FROM near WHERE v <-> q(1) < 1.2 ORDER BY v <-> q(1);
SELECT id FROM near WHERE v <-> q(1) <= 1.2 ORDER BY v <-> q(1) LIMIT 5;
SELECT id FROM near WHERE v <=> q(1) < 0.1 AND g > 4 ORDER BY v <=> q(1);
SELECT id FROM near WHERE v <#> q(2) < -3 ORDER BY v <#> q(2);
SELECT id FROM near WHERE v <-> q(1) BETWEEN 0.9 AND 1.1 ORDER BY v <-> q(1) LIMIT 40;
SELECT id FROM near WHERE v <-> q(1) > 2 ORDER BY v <-> q(1) LIMIT 4;
SELECT id FROM near WHERE v <-> q(2) < 1.5 AND v <-> q(1) < 1.5 ORDER BY v <-> q(1);
SELECT id FROM near WHERE v <-> q(1) < NULL ORDER BY v <-> q(1);
SELECT id FROM near WHERE v <-> q(1) < -1 ORDER BY v <-> q(1) LIMIT 3;
SELECT id FROM near WHERE 1.3 > v <-> q(1) ORDER BY v <-> q(1) LIMIT 100;
SELECT id FROM near WHERE v <-> q(1) < (SELECT 0.9 + count(*) / 100.0 FROM few) ORDER BY v <-> q(1);
SELECT id FROM near WHERE r <-> (SELECT r FROM queries WHERE n = 4) < 1.7 ORDER BY r <-> (SELECT r FROM queries WHERE n = 4);
SELECT id FROM near WHERE v <-> q(1) < 1.3 ORDER BY v <-> q(2) LIMIT 10;
SELECT count(*), sum(id) FROM near WHERE v <-> q(9) < 1.5;
SELECT id FROM near WHERE NOT v <-> q(1) < 1.2 ORDER BY v <-> q(1) LIMIT 5;
SELECT id FROM near WHERE v <-> q(1) < 0.9 OR g = 2 ORDER BY v <-> q(1) LIMIT 15;
SELECT v <-> '[1,1,1]' FROM grid WHERE v <-> '[1,1,1]' <= 1 ORDER BY v <-> '[1,1,1]';
SELECT count(*) FROM grid WHERE v <-> '[1,1,1]' < 1;
-- Equal distances.
SELECT v <-> '[1,1,1]' AS d FROM grid ORDER BY d LIMIT 50;
SELECT id, v <-> '[1,1,1]' AS d FROM grid ORDER BY d, id LIMIT 50;
SELECT id FROM grid ORDER BY v <#> '[2,0,1]', id DESC LIMIT 33 OFFSET 7;
SELECT id FROM grid WHERE g = 2 ORDER BY v <-> '[0,0,0]', id LIMIT 120;
SELECT id FROM (SELECT id FROM grid ORDER BY v <-> '[4,2,1]' FETCH FIRST 3 ROWS WITH TIES) s;
SELECT v <#> '[0,0,0]' FROM grid WHERE v IS NOT NULL ORDER BY v <#> '[0,0,0]';
SELECT DISTINCT ON (d) d, min(id) OVER (PARTITION BY d) FROM (SELECT id, v <-> '[1,1,1]' AS d FROM grid ORDER BY v <-> '[1,1,1]', id LIMIT 200) s ORDER BY d;
SELECT d, count(*) FROM (SELECT v <-> '[1,0,1]' AS d FROM grid ORDER BY v <-> '[1,0,1]' LIMIT 133) s GROUP BY d ORDER BY d;
-- A query that is NULL, or of other dimensions.
SELECT count(*) FROM (SELECT id FROM near WHERE v IS NOT NULL ORDER BY v <-> NULL::vector LIMIT 20) s;
SELECT v <-> (SELECT q FROM queries WHERE n = 13) FROM near WHERE v IS NOT NULL ORDER BY v <-> (SELECT q FROM queries WHERE n = 13) LIMIT 4;
SELECT id FROM near ORDER BY v <-> '[1,2]' LIMIT 3;
SELECT id FROM near ORDER BY v <=> '[0,0,0,0,0,0,0,0]', id LIMIT 3;
-- Joins, LATERAL, subqueries.
SELECT q.n, x.id, x.d FROM queries q, LATERAL (SELECT id, v <-> q.q AS d FROM near ORDER BY v <-> q.q LIMIT 3) x WHERE q.n <= 12 ORDER BY q.n, x.d;
SELECT q.n, x.id FROM queries q LEFT JOIN LATERAL (SELECT id, v <#> q.q AS d FROM near WHERE g = q.n ORDER BY v <#> q.q LIMIT 2) x ON x.id % 2 = 0 WHERE q.n < 13;
SELECT q.n, (SELECT id FROM near ORDER BY v <=> q.q LIMIT 1) FROM queries q WHERE q.n < 13 ORDER BY q.n;
SELECT q.n, ARRAY(SELECT id FROM near WHERE near.g = q.n % 10 ORDER BY r <-> q.r LIMIT 4) FROM queries q WHERE q.n < 13 ORDER BY q.n;
SELECT q.n, ARRAY(SELECT v <-> q.on_grid FROM grid ORDER BY v <-> q.on_grid LIMIT 30) FROM queries q WHERE q.n < 13 ORDER BY q.n;
SELECT a.id, b.id FROM near a, LATERAL (SELECT id FROM near i WHERE i.id <> a.id ORDER BY i.v <-> a.v LIMIT 2) b WHERE a.id < 30;
SELECT a.id, b.id, c.id FROM near a, LATERAL (SELECT id, v FROM near i WHERE i.id <> a.id ORDER BY i.v <-> a.v LIMIT 2) b,
	LATERAL (SELECT id FROM parts p ORDER BY p.v <-> b.v LIMIT 1) c WHERE a.id < 12;
SELECT n.id, h.price, n.price FROM (SELECT * FROM near ORDER BY v <-> q(1) LIMIT 20) n JOIN houses h ON h.id = n.id WHERE h.price > n.price - 1000;
SELECT n.id, f.id FROM near n JOIN few f ON f.beds = n.beds ORDER BY n.v <-> q(2), f.id LIMIT 25;
SELECT n.id, f.id FROM near n LEFT JOIN few f ON f.beds = n.beds AND f.price > n.price ORDER BY n.v <-> q(2), f.id LIMIT 25;
SELECT id FROM near n WHERE n.beds = ANY (SELECT beds FROM agents a JOIN houses h ON h.id = a.hid WHERE h.price > 200000) ORDER BY n.v <#> q(3) LIMIT 10;
SELECT count(*) FROM near a WHERE id < 60 AND id = (SELECT id FROM near b ORDER BY b.v <-> a.v LIMIT 1);
SELECT a.id, (SELECT max(d) FROM (SELECT b.v <-> a.v AS d FROM near b ORDER BY b.v <-> a.v LIMIT 5) s) FROM near a WHERE a.id < 20 ORDER BY a.id;
-- WITH, set operations, DISTINCT ON, windows and aggregates over what a LIMIT left.
WITH n AS (SELECT id, price, v <-> q(1) AS d FROM near ORDER BY v <-> q(1) LIMIT 15) SELECT a.id, b.id FROM n a JOIN n b ON a.d < b.d AND a.price > b.price;
WITH n AS MATERIALIZED (SELECT id, g FROM near ORDER BY v <-> q(2) LIMIT 15) SELECT g, count(*), array_agg(id ORDER BY id) FROM n GROUP BY g;
WITH RECURSIVE walk (id, v, step) AS (SELECT id, v, 0 FROM near WHERE id = 3
	UNION ALL SELECT n.id, n.v, step + 1 FROM walk w, LATERAL (SELECT id, v FROM near x WHERE x.id > w.id AND x.v IS NOT NULL ORDER BY x.v <-> w.v LIMIT 1) n WHERE step < 8)
	SELECT id, step FROM walk;
(SELECT id FROM near ORDER BY v <-> q(1) LIMIT 10) UNION (SELECT id FROM near ORDER BY v <-> q(2) LIMIT 10) UNION ALL (SELECT id FROM near ORDER BY v <=> q(1) LIMIT 5);
(SELECT id FROM near ORDER BY v <-> q(1) LIMIT 40) INTERSECT (SELECT id FROM near ORDER BY v <=> q(1) LIMIT 40);
(SELECT id FROM near ORDER BY v <-> q(1) LIMIT 40) EXCEPT (SELECT id FROM near ORDER BY v <#> q(1) LIMIT 40);
SELECT id, 1.0 / (60 + rank() OVER (ORDER BY d)) FROM (SELECT id, v <-> q(1) AS d FROM near ORDER BY v <-> q(1) LIMIT 20) s ORDER BY id;
SELECT coalesce(a.id, b.id), coalesce(1.0 / (60 + a.n), 0) + coalesce(1.0 / (60 + b.n), 0) FROM (SELECT id, row_number() OVER (ORDER BY v <-> q(1)) AS n FROM near
	ORDER BY v <-> q(1) LIMIT 20) a FULL JOIN (SELECT id, row_number() OVER (ORDER BY v <#> q(1)) AS n FROM near ORDER BY v <#> q(1) LIMIT 20) b USING (id);
SELECT DISTINCT ON (g) g, id, d FROM (SELECT g, id, v <-> q(5) AS d FROM near ORDER BY v <-> q(5) LIMIT 60) s ORDER BY g, d;
SELECT DISTINCT ON (v <-> q(5)) id FROM near ORDER BY v <-> q(5) LIMIT 9;
SELECT id, lag(id) OVER (ORDER BY v <-> q(5)), sum(id) OVER (ORDER BY v <-> q(5) ROWS 3 PRECEDING) FROM near WHERE g = 4 AND v IS NOT NULL ORDER BY v <-> q(5) LIMIT 12;
SELECT count(*), sum(price), min(d), max(d), avg(id) FROM (SELECT id, price, v <-> q(6) AS d FROM near ORDER BY v <-> q(6) LIMIT 37) s;
SELECT g, sum(price) FROM (SELECT g, price FROM near ORDER BY v <=> q(6) LIMIT 50) s GROUP BY ROLLUP (g) HAVING count(*) > 2;
SELECT * FROM (SELECT id FROM near ORDER BY v <-> q(6) LIMIT 8) s ORDER BY id LIMIT 3;
SELECT min(v <-> q(7)), max(v <=> q(7)) FROM near;
-- Partitions, large rows, an embedding.
SELECT id, g FROM parts ORDER BY v <-> q(1) LIMIT 12;
SELECT id FROM parts WHERE g = 2 ORDER BY v <-> q(2) LIMIT 12;
SELECT id FROM parts WHERE g IN (1, 4) ORDER BY v <-> q(2) LIMIT 12;
SELECT id FROM parts WHERE v <-> q(1) < 1.1 ORDER BY v <-> q(1);
SELECT q.n, ARRAY(SELECT id FROM parts ORDER BY v <-> q.q LIMIT 6) FROM queries q WHERE n < 13;
SELECT id FROM wide ORDER BY v <-> some_vector(7, 2100)::vector LIMIT 5;
SELECT id FROM wide ORDER BY v <-> (SELECT v FROM wide WHERE id = 9) LIMIT 40;
SELECT spot <-> '[3,-1]' FROM shapes ORDER BY spot <-> '[3,-1]' LIMIT 25;
SELECT id, spot FROM shapes WHERE crowd = 2 ORDER BY spot <-> '[1,2]', id LIMIT 25;
SELECT id, spot <-> '[1,2]' FROM shapes WHERE spot <-> '[1,2]' < 8 ORDER BY spot <-> '[1,2]', id;
SELECT s.id, ARRAY(SELECT t.spot <-> s.spot FROM shapes t ORDER BY t.spot <-> s.spot LIMIT 9) FROM shapes s WHERE s.id < 20 ORDER BY s.id;
-- Parameters.
SELECT id FROM near ORDER BY v <-> $1 LIMIT 5; -- $ [0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8]
SELECT id FROM near WHERE g = $2 ORDER BY v <=> $1 LIMIT $3; -- $ [0.1,0.2,0.3,-0.4,0.5,0.6,0.7,0.8] | 1 | 6
SELECT id FROM near WHERE v <-> $1 < $2 ORDER BY v <-> $1; -- $ [0.1,0.2,0.3,-0.4,0.5,0.6,0.7,0.8] | 1.5
SELECT id FROM near ORDER BY r <#> $1 LIMIT 5 OFFSET $2; -- $ {1,2,3,4,5,6,7,8,9,10,11,12} | 3
SELECT v <-> $1 FROM grid ORDER BY v <-> $1 LIMIT $2; -- $ [1,1,1] | 77
SELECT id FROM near ORDER BY v <-> $1 LIMIT 5; -- $ [0.1,0.2]
-- Writes: seen by the same transaction, undone with a savepoint, gone with the transaction.
BEGIN CASE nearest_writes
INSERT INTO near (id, g, v, r) SELECT i, i % 10, some_vector(i, 8), some_vector(-i, 12) FROM generate_series(2001, 2300) i;
SELECT id, v <-> q(1) FROM near ORDER BY v <-> q(1) LIMIT 15;
UPDATE near SET v = some_vector(id + 7777, 8) WHERE g = 3;
SELECT id FROM near ORDER BY v <=> q(2) LIMIT 15;
SELECT id FROM near WHERE g = 3 ORDER BY v <#> q(2) LIMIT 15;
DELETE FROM near WHERE id IN (SELECT id FROM near ORDER BY v <-> q(1) LIMIT 20) RETURNING id;
SELECT id FROM near ORDER BY v <-> q(1) LIMIT 15;
UPDATE near SET r = NULL, v = NULL WHERE id IN (SELECT id FROM near ORDER BY r <-> (SELECT r FROM queries WHERE n = 4) LIMIT 5) RETURNING id;
SELECT id FROM near ORDER BY r <-> (SELECT r FROM queries WHERE n = 4) LIMIT 15;
UPDATE near SET sqft = sqft + 100 WHERE id IN (SELECT id FROM near WHERE sqft IS NOT NULL ORDER BY v <#> q(5) LIMIT 9) RETURNING id, price;
INSERT INTO near (id, v) VALUES (3000, '[1,2]');
INSERT INTO near (id, v) SELECT 5, q(1) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v;
SELECT id, v <-> q(1) FROM near ORDER BY v <-> q(1) LIMIT 3;
END CASE
BEGIN CASE nearest_savepoints
SAVEPOINT a;
INSERT INTO grid SELECT i, 0, '[1,1,1]' FROM generate_series(1001, 1400) i;
SELECT count(*) FROM (SELECT 1 FROM grid ORDER BY v <-> '[1,1,1]' LIMIT 300) s;
SELECT v <-> '[1,1,1]' FROM grid ORDER BY v <-> '[1,1,1]' LIMIT 450;
ROLLBACK TO a;
SELECT v <-> '[1,1,1]' FROM grid ORDER BY v <-> '[1,1,1]' LIMIT 450;
DELETE FROM grid WHERE v <-> '[1,1,1]' < 1;
SELECT id, v <-> '[1,1,1]' FROM grid ORDER BY v <-> '[1,1,1]', id LIMIT 40;
TRUNCATE grid;
SELECT id FROM grid ORDER BY v <-> '[1,1,1]' LIMIT 40;
INSERT INTO grid SELECT i, 0, ARRAY[i, 1, 1]::real[]::vector FROM generate_series(1, 40) i;
SELECT id FROM grid ORDER BY v <-> '[7,1,1]', id LIMIT 10;
END CASE
BEGIN CASE nearest_moves
UPDATE parts SET g = g + 1 WHERE id IN (SELECT id FROM parts ORDER BY v <-> q(3) LIMIT 30);
SELECT id, g FROM parts ORDER BY v <-> q(3) LIMIT 35;
SELECT id FROM parts WHERE g = 5 ORDER BY v <-> q(3) LIMIT 3;
INSERT INTO wide SELECT i, some_vector(i, 2100) FROM generate_series(41, 60) i;
DELETE FROM wide WHERE id % 3 = 0;
SELECT id FROM wide ORDER BY v <-> some_vector(8, 2100)::vector LIMIT 12;
INSERT INTO shapes (id, a, b, c) SELECT i, i % 13, i % 7, i % 5 FROM generate_series(2001, 2050) i RETURNING id, spot;
UPDATE shapes SET a = a + 3 WHERE id % 5 = 1;
SELECT spot <-> '[3,-1]' FROM shapes ORDER BY spot <-> '[3,-1]' LIMIT 25;
END CASE
