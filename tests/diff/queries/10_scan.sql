-- Plain numeric columns, read straight from table pages.
SELECT * FROM plain;
SELECT id, rent, late, flag FROM plain;
SELECT id, sold FROM plain WHERE sold = 1;
SELECT count(*), sum(grade), sum(sold), count(rent) FROM plain;
SELECT grade, count(*), max(rent) FROM plain GROUP BY grade;
SELECT id, ctid IS NULL, tableoid::regclass, note FROM plain WHERE rent > 400 AND grade > 10;
SELECT id, rent FROM plain WHERE note LIKE 'n7%' AND late > 1 AND sold < rent;
SELECT plain FROM plain WHERE id % 50 = 3;
SELECT id, rent, grade FROM plain ORDER BY id LIMIT 30 OFFSET 590;
SELECT a.id, b.rent FROM plain a JOIN plain b ON a.grade = b.grade AND a.id = b.id + 1 WHERE a.rent > b.rent;
SELECT f.id, x.s FROM few f, LATERAL (SELECT sum(p.grade) AS s FROM plain p WHERE p.beds = f.beds AND p.rent > 300) x;
SELECT id FROM plain p WHERE rent > (SELECT avg(rent) FROM plain q WHERE q.beds = 1) AND grade IN (SELECT grade FROM plain WHERE id < 9);
SELECT id, CASE WHEN id % 2 = 0 THEN rent END, coalesce(sold, 7) FROM plain;
BEGIN CASE plain_dml
UPDATE plain SET sqft = sqft + 10, note = 'more' WHERE rent < 500 AND beds IS NOT NULL;
SELECT id, rent, note FROM plain WHERE note = 'more';
DELETE FROM plain WHERE grade > 20 RETURNING id, rent;
INSERT INTO plain (id, sqft, beds) SELECT id + 20000, sqft, beds FROM plain WHERE sold = 0 RETURNING id, rent, sold;
SELECT count(*), sum(grade) FROM plain;
END CASE
