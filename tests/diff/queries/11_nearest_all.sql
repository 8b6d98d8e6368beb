-- Every row of an index, in any order: also where only a few lists are opened at first (the modes with relaxed order).
SELECT id FROM (SELECT id FROM near WHERE v IS NOT NULL ORDER BY v <-> q(1) OFFSET 0) s;
SELECT id FROM (SELECT id FROM near WHERE v IS NOT NULL ORDER BY v <=> q(2) OFFSET 0) s ORDER BY id;
SELECT id FROM (SELECT id FROM near WHERE v IS NOT NULL AND g < 5 ORDER BY v <#> q(3) OFFSET 0) s;
SELECT id FROM (SELECT id FROM near WHERE r IS NOT NULL ORDER BY r <-> (SELECT r FROM queries WHERE n = 1) OFFSET 0) s;
SELECT count(*), sum(id), sum(price) FROM (SELECT id, price FROM near WHERE r IS NOT NULL ORDER BY r <#> (SELECT r FROM queries WHERE n = 2) OFFSET 0) s;
SELECT count(*), sum(id) FROM (SELECT id FROM near WHERE r IS NOT NULL ORDER BY r <=> (SELECT r FROM queries WHERE n = 2) OFFSET 0) s;
SELECT id FROM (SELECT id FROM grid WHERE v IS NOT NULL ORDER BY v <-> '[1,1,1]' OFFSET 0) s;
SELECT id FROM (SELECT id FROM grid WHERE v IS NOT NULL ORDER BY v <#> '[2,0,1]' OFFSET 0) s;
SELECT id FROM (SELECT id FROM grid WHERE v IS NOT NULL ORDER BY v <-> NULL::vector OFFSET 0) s;
SELECT id FROM (SELECT id FROM near WHERE g = 1 AND v IS NOT NULL ORDER BY v <=> q(2) OFFSET 0) s;
SELECT id FROM (SELECT id FROM wide ORDER BY v <-> some_vector(7, 2100)::vector OFFSET 0) s;
SELECT id FROM (SELECT id FROM parts WHERE g = 3 ORDER BY v <-> q(4) OFFSET 0) s;
SELECT q.n, count(*), sum(x.id), max(x.id) FROM queries q, LATERAL (SELECT id FROM near WHERE v IS NOT NULL AND g = q.n ORDER BY v <-> q.q OFFSET 0) x GROUP BY q.n;
SELECT id FROM (SELECT id FROM shapes WHERE spot IS NOT NULL ORDER BY spot <-> '[3,-1]' OFFSET 0) s;
