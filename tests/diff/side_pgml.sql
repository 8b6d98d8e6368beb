-- Prediction columns on pgml tables: what is tested.
\set side tested
\set using 'USING pgml'
\set price 'pgml.predict(''house price'', sqft, beds, city)'
\set price_k 'round((pgml.predict(''house price'', sqft, beds, city) / 1000)::numeric, 1)'
\set rent 'pgml.predict(''rent'', sqft, beds)'
\set kind 'pgml.classify(''kind'', sqft, beds, city)'
\set probs 'pgml.predict_proba(''kind'', sqft, beds, city)'
\set p_house 'pgml.class_probability(''kind'', ''house'', sqft, beds, city)'
\set sold 'pgml.predict(''sold'', sqft, beds)'
\set grade 'pgml.predict(''grade'', sqft, beds)'
\set vec 'pgml.predict(''vector'', v, beds)'
\set typed 'pgml.predict(''typed'', b, n, d, e, c, i2, i8)'
\set crowd 'pgml.predict(''crowd'', a, b, c)'
\set axes 'pgml.decompose(''axes'', a, b, c)'
\set spot 'pgml.embed(''axes'', a, b, c)'
\set narrow 'pgml.predict(''narrow'', x, n, note, pair)'
\set both 'pgml.predict_joint(''both'', a, b, c)'
\ir tables.sql
