-- Rows within a distance, in no order: through faiss indexes, as index scans and as bitmap scans.
SELECT id, v FROM near WHERE v <-> q(1) < 1.2;
SELECT id FROM near WHERE v <-> q(1) <= (SELECT v <-> q(1) FROM near WHERE id = 17);
SELECT id FROM near WHERE v <=> q(2) < 0.15;
SELECT id FROM near WHERE q(2) <=> v <= 0.15 AND city = 'Oslo';
SELECT id FROM near WHERE v <#> q(3) < -2;
SELECT id FROM near WHERE 0 > v <#> q(3) AND v <#> q(3) > -0.5;
SELECT id FROM near WHERE r <-> (SELECT r FROM queries WHERE n = 1) < 1.3;
SELECT id FROM near WHERE r <#> (SELECT r FROM queries WHERE n = 2) <= -1.5;
SELECT id FROM near WHERE r <=> (SELECT r FROM queries WHERE n = 3) < 0.2;
SELECT id FROM near WHERE subvector(v, 1, 4)::vector(4) <-> '[0.1,0.2,0.3,0.4]' < 0.6;
SELECT id FROM near WHERE g = 1 AND v <=> q(7) < 0.3;
SELECT id, price FROM near WHERE v <-> q(3) < 1.6 AND price > 250000;
SELECT id FROM near WHERE v <-> q(1) < 1.6 AND v <-> q(1) <= 1.4 AND v <-> q(2) < 2;
SELECT id FROM near WHERE NOT v <-> q(1) >= 1.2;
SELECT id FROM near WHERE v <-> q(1) < 0.9 OR v <-> q(2) < 0.9;
SELECT id FROM near WHERE v <-> q(1) < 'infinity';
SELECT id FROM near WHERE v <-> q(1) < 'NaN';
SELECT id FROM near WHERE v <=> q(1) <= 'NaN';
SELECT id FROM near WHERE v <-> q(1) < '-infinity';
SELECT id FROM near WHERE v <-> NULL::vector < 3;
SELECT id FROM near WHERE v <=> '[0,0,0,0,0,0,0,0]' < 1;
SELECT id FROM near WHERE v <-> q(1) < 1.2::real;
SELECT id FROM near WHERE v <-> $1 < $2; -- $ [0.1,0.2,0.3,0.4,0.1,0.2,0.3,0.4] 1.1 | [0,0,0,0,0,0,0,0] 1 | [1,0,1,0,1,0,1,0] -1
SELECT id FROM near WHERE v <=> $1 <= $2; -- $ [0.1,0.2,0.3,0.4,0.1,0.2,0.3,0.4] 0.2 | [1,1,0,0,0,0,0,0] NaN
SELECT id FROM grid WHERE v <-> '[1,1,1]' <= 1;
SELECT id FROM grid WHERE v <-> '[1,1,1]' < 1;
SELECT id FROM grid WHERE v <#> '[2,0,1]' <= -4;
SELECT id FROM parts WHERE v <-> q(4) < 1.4;
SELECT id, g FROM parts WHERE v <-> q(4) < 1.4 AND g IN (1, 4);
SELECT id FROM wide WHERE v <-> (SELECT v FROM wide WHERE id = 7) < 24;
SELECT id FROM wide WHERE v <-> (SELECT v FROM wide WHERE id = 7) <= 0;
SELECT id, spot FROM shapes WHERE spot <-> '[1,2]' < 8;
SELECT q.n, i.id FROM queries q JOIN near i ON i.v <-> q.q < 1.1;
SELECT q.n, i.id FROM queries q LEFT JOIN near i ON q.q <-> i.v < q.n * 0.1 WHERE q.n < 13;
SELECT a.id, b.id FROM near a JOIN near b ON a.v <-> b.v < 0.8 AND a.id < b.id WHERE a.id < 100;
SELECT q.n, (SELECT count(*) FROM near i WHERE i.v <=> q.q < 0.1) FROM queries q WHERE q.n < 13;
SELECT q.n FROM queries q WHERE EXISTS (SELECT 1 FROM grid g WHERE g.v <-> q.on_grid < 0.5) AND q.n < 13;
SELECT city, count(*), avg(price) FROM near WHERE v <-> q(5) < 1.8 GROUP BY city;
