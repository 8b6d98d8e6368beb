-- Queries with parameters, whose values stand behind "-- $". Plans are custom, or generic in the mode "generic".
SELECT id, price FROM houses WHERE price > $1::float8 ORDER BY id; -- $ 300000
SELECT id, price FROM houses WHERE id = $1::bigint AND price > $2::float8; -- $ 7 | 0
SELECT id, price FROM houses ORDER BY price, id LIMIT $1::int OFFSET $2::int; -- $ 5 | 3
SELECT id, price, $1::text || kind FROM houses WHERE city = $2::text ORDER BY price DESC, id LIMIT 3; -- $ k | Oslo
SELECT pgml.predict('house price', $1::real, $2::int, $3::text); -- $ 100 | 2 | Oslo
SELECT id, pgml.predict('house price', $1::real, beds, city) FROM few ORDER BY id; -- $ 250
SELECT f.id, f.price FROM few f WHERE f.price > pgml.predict('house price', $1::real, 2, 'Oslo'::text) ORDER BY 1; -- $ 90
SELECT count(*) FROM houses WHERE price = ANY ($1::float8[]) OR kind = $2::text; -- $ {1,2} | castle
SELECT id FROM houses WHERE ($1::float8 IS NULL OR price > $1::float8) AND id < 40 ORDER BY id; -- $ 120000
SELECT f.id, (SELECT max(h.price) FROM houses h WHERE h.price < f.price AND h.beds = $1::int) FROM few f ORDER BY 1; -- $ 2
SELECT a.aid, h.price FROM agents a LEFT JOIN houses h ON h.id = a.hid AND h.price > $1::float8 WHERE a.aid < $2::int ORDER BY 1; -- $ 150000 | 50
SELECT id, price FROM lots WHERE id = $1::int OR id = $2::int ORDER BY 1; -- $ 333 | 777
SELECT id, price FROM lots WHERE id < $1::int AND price > $2::float8 ORDER BY price DESC, id LIMIT 4; -- $ 500 | 100000
SELECT * FROM f_srf_atomic($1::float8) ORDER BY 1; -- $ 340000
SELECT f_sql($1::bigint), f_plpgsql($1::bigint); -- $ 17
SELECT id, price FROM barred WHERE id = $1::bigint OR kind = $2::text ORDER BY id; -- $ 77 | house
SELECT sum(price) FROM houses WHERE CASE WHEN $1::int > 0 THEN price > 200000 ELSE kind = 'house' END; -- $ 1
SELECT id, price FROM few ORDER BY CASE WHEN $1::text = 'p' THEN price ELSE id END, id; -- $ p
