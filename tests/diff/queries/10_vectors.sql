-- Prediction columns of a clustering, a decomposition and a joint regression: a number, and two arrays.
SELECT * FROM shapes ORDER BY id;
SELECT crowd, count(*), min(id), max(axes[1]) FROM shapes GROUP BY crowd ORDER BY crowd;
SELECT id, crowd FROM shapes WHERE crowd = 2 OR axes[1] > 10 ORDER BY id;
SELECT id, axes[1], both_targets[2] FROM shapes WHERE both_targets[1] < both_targets[2] ORDER BY axes[1] DESC, id LIMIT 20;
SELECT id, array_length(axes, 1), both_targets[1:2] FROM shapes WHERE id % 50 = 0 ORDER BY id;
SELECT DISTINCT both_targets FROM shapes ORDER BY both_targets;
SELECT count(*) FROM shapes WHERE axes IS NULL OR both_targets IS NULL OR crowd IS NULL;
SELECT s.id, t.id FROM shapes s JOIN shapes t ON s.axes = t.axes AND s.id < t.id WHERE s.id < 100 ORDER BY 1, 2;
SELECT s.id, t.n FROM shapes s JOIN (SELECT crowd, count(*) AS n FROM shapes GROUP BY crowd) t USING (crowd) WHERE s.id < 40 ORDER BY s.id;
SELECT id, rank() OVER (PARTITION BY crowd ORDER BY axes[2], id) FROM shapes ORDER BY id;
SELECT id, unnest(axes), unnest(both_targets) FROM shapes WHERE id < 9 ORDER BY id, 2;
SELECT f.id, s.axes, s.crowd FROM few f LEFT JOIN shapes s ON s.id = f.id AND s.b = 4 ORDER BY f.id;
SELECT id, pgml.decompose('axes', a, b, c) = axes, pgml.predict_joint('both', a, b, c) = both_targets, pgml.predict('crowd', a, b, c) = crowd FROM shapes ORDER BY id;
SELECT crowd, pgml.predict('crowd', max(a), max(b), max(c)), pgml.decompose('axes', max(a), max(b), max(c)) FROM shapes GROUP BY crowd ORDER BY 1;
SELECT pgml.predict('crowd', 1::real, 2, 3::real), pgml.decompose('axes', 1::real, 2, NULL::real), pgml.predict_joint('both', NULL::real, 2, 3::real);
SELECT id, CASE WHEN id % 2 = 0 THEN axes ELSE both_targets END FROM shapes WHERE id < 30 ORDER BY id;
SELECT x.axes FROM (SELECT axes FROM shapes ORDER BY crowd, id LIMIT 5) x;
SELECT s FROM shapes s WHERE id IN (7, 901, 902, 903) ORDER BY id;
SELECT id, axes, crowd FROM shapes WHERE id = $1; -- $ 17 | 901
BEGIN CASE change_shapes
INSERT INTO shapes (id, a, b, c) VALUES (1001, 4, 2, 1), (1002, NULL, 7, NULL) RETURNING *;
UPDATE shapes SET a = a + 11 WHERE crowd = 1 RETURNING id, crowd, axes, both_targets;
DELETE FROM shapes WHERE both_targets[1] > 20 RETURNING id, both_targets;
SELECT crowd, count(*) FROM shapes GROUP BY crowd ORDER BY crowd;
END CASE
BEGIN CASE index_on_axes
CREATE INDEX ON shapes (crowd, id);
CREATE INDEX shapes_axes ON shapes (axes);
SELECT id FROM shapes WHERE axes = (SELECT axes FROM shapes WHERE id = 9) ORDER BY id;
SELECT id, crowd FROM shapes WHERE crowd = 0 ORDER BY crowd, id LIMIT 5;
UPDATE shapes SET b = b + 1 WHERE id < 30;
SELECT id, axes FROM shapes WHERE axes < (SELECT axes FROM shapes WHERE id = 5) ORDER BY axes, id;
END CASE
-- An embedding is a vector.
SELECT id, spot FROM shapes WHERE spot <-> '[1,2]' < 8 ORDER BY spot <-> '[1,2]', id;
SELECT id FROM shapes ORDER BY spot <-> '[3,-1]', id LIMIT 7;
SELECT crowd, count(DISTINCT spot), max(vector_dims(spot)) FROM shapes GROUP BY crowd ORDER BY crowd;
SELECT s.id, pgml.embed('axes', s.a, s.b, s.c) = s.spot FROM shapes s WHERE s.id % 40 = 1 ORDER BY s.id;
BEGIN CASE index_on_spot
CREATE INDEX shapes_spot ON shapes USING faiss (spot);
SET LOCAL enable_seqscan = off;
SELECT id, spot FROM shapes WHERE spot <-> '[1,2]' < 8 ORDER BY id;
SELECT count(*), min(id) FROM shapes WHERE 3 >= spot <-> '[0,0]' AND crowd = 1;
SELECT s.id, t.id FROM shapes s JOIN shapes t ON s.spot <-> t.spot < 0.8 AND s.id < t.id WHERE s.id < 60 ORDER BY 1, 2;
UPDATE shapes SET a = a + 11 WHERE spot <-> '[1,2]' < 4 RETURNING id, spot;
INSERT INTO shapes (id, a, b, c) SELECT id + 5000, b, a, c FROM shapes WHERE spot <-> '[1,2]' < 6;
SELECT id, spot FROM shapes WHERE spot <-> '[1,2]' < 8 ORDER BY id;
DELETE FROM shapes WHERE spot <-> '[1,2]' <= 7 RETURNING id;
SELECT count(*) FROM shapes WHERE spot <-> '[1,2]' < 'infinity';
END CASE
