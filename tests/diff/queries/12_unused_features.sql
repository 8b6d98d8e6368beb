-- Features that no tree looks at are neither read nor detoasted; the answers, NULLs and errors are those of all features read.
SELECT * FROM slim;
SELECT id, y FROM slim;
SELECT id, y, n, length(note) FROM slim WHERE y > 50 AND id % 2 = 0;
SELECT count(*), sum(y), count(y) FROM slim;
SELECT id, pgml.predict('narrow', x, n, note, pair) = y FROM slim ORDER BY id;
SELECT id, pgml.predict('narrow', x, NULL::real, NULL::text, NULL::real[]) FROM slim;
SELECT id, pgml.predict('narrow', x, late, note, pair), pgml.predict('narrow', later, late, note, pair) FROM slim;
SELECT id, pgml.predict('narrow', x, n, left(note, 2), pair || 1::real) FROM slim WHERE pair IS NULL;
SELECT sum(pgml.predict('narrow', x, (1 / (id - 300))::real, note, pair)) FROM slim;
SELECT id, pgml.predict('narrow', x, (1 / (id - 300))::real, note, pair) FROM slim WHERE id < 300;
SELECT id, pgml.predict('narrow', x, n, note, pair || 1::real) FROM slim WHERE id < 20;
SELECT s.id, t.y FROM slim s LEFT JOIN slim t ON t.id = s.id + 290 AND t.y > 10;
SELECT y, count(*), max(note) FROM slim GROUP BY y;
SELECT s.id, s.y, f.price FROM slim s JOIN few f ON f.id = s.id ORDER BY s.y, s.id;
BEGIN CASE unused_features_written
UPDATE slim SET note = repeat('other', 2000), n = NULL WHERE y < 20;
SELECT id, y FROM slim WHERE y < 20;
UPDATE slim SET x = 3, pair = NULL WHERE id % 9 = 0 RETURNING id, y;
DELETE FROM slim WHERE y = 6 RETURNING id, y, length(note);
INSERT INTO slim (id, x) VALUES (1001, 55), (1002, NULL) RETURNING id, y;
SELECT sum(y) FROM slim;
END CASE
