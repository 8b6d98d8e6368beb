-- Views, functions, partitions, inheritance, foreign tables, row security and column privileges.
SELECT id, p2, (h).price FROM rich ORDER BY id LIMIT 50;
SELECT count(*), sum(price) FROM barred;
SELECT id, price FROM barred WHERE price < 260000 AND kind = 'castle' ORDER BY id;
SELECT id, price, name FROM joined WHERE price > 300000 OR price IS NULL ORDER BY id LIMIT 20;
SELECT * FROM summed WHERE total > 1000000 ORDER BY city;
SELECT * FROM united WHERE price > 150000 ORDER BY id, price;
SELECT v.id, v.price, c.price FROM checked v JOIN checked_cascaded c USING (id) ORDER BY id;
SELECT u.*, r.p2 FROM updatable u LEFT JOIN rich r ON r.id = u.id AND r.p2 > u.price * 1.5 WHERE u.id < 100 ORDER BY u.id;
SELECT a.aid, j.price FROM agents a LEFT JOIN joined j ON j.id = a.aid AND j.price > 200000 WHERE a.aid < 50 ORDER BY 1;
SELECT r FROM ruled r WHERE price > 345000 ORDER BY id;
SELECT f_sql(5), f_sql(77), f_plpgsql(5), f_plpgsql(88), f_atomic(9), f_plpgsql_typed(12);
SELECT id, f_sql(id) FROM houses WHERE id < 20 ORDER BY id;
SELECT id, f_atomic(id) = price, f_plpgsql(id) = price FROM houses WHERE id < 60 ORDER BY id;
SELECT s.id, s.price, s FROM f_srf(12) s ORDER BY id;
SELECT * FROM f_srf_atomic(340000) ORDER BY id;
SELECT * FROM f_srf_nested(300000);
SELECT f.id, s.price FROM few f LEFT JOIN f_srf_atomic(345000) s ON s.id % 12 = f.id ORDER BY 1, 2;
SELECT f.id, s.price FROM few f, LATERAL f_srf(f.id) s WHERE s.price > f.price ORDER BY 1, 2;
SELECT f.id, count(s) FROM few f LEFT JOIN LATERAL f_srf_atomic(f.price * 2) s ON true GROUP BY f.id ORDER BY 1;
SELECT (f_srf(3)).price;
SELECT id, price, kind FROM f_plpgsql_query(9) WHERE price > 0 ORDER BY id;
SELECT f_plpgsql_loop(10), f_plpgsql_loop(40);
SELECT s.* FROM f_srf(30) s WHERE s.price > 100000 AND s.kind = 'house' ORDER BY s.id;
SELECT x.price FROM ROWS FROM (f_srf(4), generate_series(1, 5)) WITH ORDINALITY x ORDER BY ordinality;
SELECT h.id, h.price FROM houses h WHERE h.price = f_sql(h.id) AND h.id < 40 ORDER BY 1;
SELECT id, price, kind FROM lots WHERE price > 150000 ORDER BY id;
SELECT tableoid::regclass, count(*), sum(price), max(kind) FROM lots GROUP BY 1 ORDER BY tableoid::regclass::text;
SELECT l FROM lots l WHERE id IN (3, 333, 777, 1010) ORDER BY id;
SELECT l.id, l.price, m.id FROM lots l JOIN lots m ON m.price = l.price AND m.id = l.id + 385 ORDER BY 1;
SELECT id, price FROM lots_2 ORDER BY id LIMIT 20;
SELECT l2.*, l3.price FROM lots_2 l2 JOIN lots_3 l3 ON l3.id = l2.id + 300 AND l3.price <> l2.price ORDER BY l2.id LIMIT 30;
SELECT kind, count(*), min(price) FROM lots GROUP BY kind ORDER BY 1;
SELECT id, price FROM lots ORDER BY price DESC, id LIMIT 15;
SELECT id, price FROM lots WHERE id BETWEEN 290 AND 310 ORDER BY price, id;
SELECT price, count(*) FROM lots WHERE note LIKE 'l1%' GROUP BY price HAVING count(*) > 3 ORDER BY 1;
SELECT a.aid, l.price, l.tableoid::regclass FROM agents a LEFT JOIN lots l ON l.id = a.aid AND l.price > 120000 WHERE a.aid BETWEEN 250 AND 350 ORDER BY 1;
SELECT DISTINCT ON (kind) kind, id, price FROM lots ORDER BY kind, price DESC, id;
SELECT p.id, p.price, q.price FROM plots p LEFT JOIN plots_too q ON p.id = q.id AND q.price > 100000 ORDER BY 1;
SELECT p.id, sum(p.price) FROM plots p JOIN plots_too q USING (id) WHERE q.price < p.price GROUP BY p.id ORDER BY 1;
SELECT count(*) FROM plots p FULL JOIN plots_too q ON p.id = q.id AND p.price = q.price;
SELECT sum(price) FROM lots TABLESAMPLE BERNOULLI (100) WHERE beds = 2;
SELECT id, price FROM lots WHERE id IN (SELECT id FROM houses WHERE price > 300000) ORDER BY 1;
SELECT id, price FROM lots WHERE id = 333 FOR UPDATE;
SELECT * FROM estate ORDER BY id;
SELECT tableoid::regclass, id, price FROM estate WHERE price > 150000 ORDER BY id;
SELECT id, price FROM ONLY estate WHERE price > 150000 ORDER BY id;
SELECT e FROM estate e WHERE id IN (5, 65, 95) ORDER BY id;
SELECT v, v.price, pool FROM villa v ORDER BY id LIMIT 5;
SELECT h, h.price, smoke FROM hut h ORDER BY id LIMIT 5;
SELECT e.id, h.price FROM estate e JOIN hut h USING (id) WHERE e.price = h.price ORDER BY 1;
SELECT a.aid, e.price, e.tableoid::regclass FROM agents a LEFT JOIN estate e ON e.id = a.aid AND e.city <> 'Rome' WHERE a.aid < 120 ORDER BY 1;
SELECT price, count(*) FROM estate GROUP BY price ORDER BY 1 DESC LIMIT 8;
SELECT id FROM estate WHERE id < 100 FOR SHARE;
SELECT id, price, kind FROM far_houses WHERE price > 330000 ORDER BY id;
SELECT f.id, f.price, r.price FROM few f JOIN far_houses r ON r.id = f.id AND r.price < f.price + 1 ORDER BY 1;
SELECT r.kind, count(*), max(r.price) FROM far_houses r GROUP BY r.kind ORDER BY 1;
SELECT a.id, b.price FROM far_few a JOIN far_houses b ON a.id = b.id WHERE a.price <> b.price ORDER BY a.price, a.id LIMIT 5;
SELECT id, probs FROM far_houses WHERE probs[1] > 0.5 ORDER BY id LIMIT 10;
SELECT id, pgml.predict('house price', sqft, beds, city) = price FROM far_houses WHERE id < 20 ORDER BY id;
BEGIN CASE row_security_select
SET LOCAL ROLE pgml_diff_reader;
SELECT count(*), min(price) FROM guarded;
SELECT id, price FROM guarded WHERE leak(price, id) ORDER BY id;
SELECT id, sqft FROM guarded WHERE leak(sqft * 1000 - 100000, id) AND id < 90 ORDER BY id;
SELECT g.id, f.id FROM guarded g LEFT JOIN few f ON f.price > g.price ORDER BY 1, 2;
END CASE
BEGIN CASE row_security_write
SET LOCAL ROLE pgml_diff_reader;
INSERT INTO guarded (id, sqft, beds, city) VALUES (201, 10, 0, 'Oslo');
INSERT INTO guarded (id, sqft, beds, city) VALUES (202, 299, 5, 'Rome') RETURNING id, price;
INSERT INTO guarded (id, sqft, beds, city) VALUES (203, 120, 1, 'Oslo');
UPDATE guarded SET beds = beds WHERE id > 0 RETURNING id, price;
UPDATE guarded SET sqft = 1;
UPDATE guarded SET sqft = 300 WHERE id > 90 RETURNING id, price;
DELETE FROM guarded RETURNING id, price;
RESET ROLE;
SELECT * FROM guarded ORDER BY id;
END CASE
BEGIN CASE row_security_merge
SET LOCAL ROLE pgml_diff_reader;
MERGE INTO guarded g USING few f ON g.id = f.id + 88 WHEN MATCHED AND g.price > 270000 THEN UPDATE SET beds = 5 WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id, sqft, beds, city) VALUES (f.id + 500, 290, 4, 'Rome');
RESET ROLE;
SELECT * FROM guarded ORDER BY id;
END CASE
BEGIN CASE barrier_view_leak
SET LOCAL ROLE pgml_diff_reader;
SELECT count(*) FROM barred WHERE leak(price, id);
SELECT id FROM barred WHERE leak(price, id) AND id < 150 AND kind = 'castle' ORDER BY id;
END CASE
BEGIN CASE column_privileges
SET LOCAL ROLE pgml_diff_reader;
SELECT id, price FROM secret WHERE price > 100000 ORDER BY id;
SELECT max(price), count(*) FROM secret s WHERE s.id IN (SELECT id FROM secret WHERE price < 200000);
SELECT sqft FROM secret;
SELECT secret FROM secret;
SELECT * FROM secret;
SELECT id FROM secret WHERE sqft > 5;
SELECT id, price FROM secret FOR UPDATE;
INSERT INTO secret (id, sqft, beds) VALUES (99, 100, 2) RETURNING id, price;
INSERT INTO secret (id, sqft, beds) VALUES (99, 100, 2) RETURNING sqft;
UPDATE secret SET beds = 1;
SELECT id, price FROM invoker_view LIMIT 1;
SELECT id, price FROM joined WHERE price > 340000 ORDER BY id, aid;
END CASE
