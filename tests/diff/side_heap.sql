-- The reference: heap tables whose columns hold real values, computed at write time through the wrappers of models.sql.
\set side reference
\set using 'USING heap'
\set price 'direct.house_price(sqft, beds, city)'
\set price_k 'round((direct.house_price(sqft, beds, city) / 1000)::numeric, 1)'
\set rent 'direct.rent(sqft, beds)'
\set kind 'direct.kind(sqft, beds, city)'
\set probs 'direct.kind_proba(sqft, beds, city)'
\set p_house 'direct.kind_class_probability(''house'', sqft, beds, city)'
\set sold 'direct.sold(sqft, beds)'
\set grade 'direct.grade(sqft, beds)'
\set vec 'direct.vector(v, beds)'
\set typed 'direct.typed(b, n, d, e, c, i2, i8)'
\set crowd 'direct.crowd(a, b, c)'
\set axes 'direct.axes(a, b, c)'
\set spot 'direct.spot(a, b, c)'
\set narrow 'direct.narrow(x, n, note, pair)'
\set both 'direct.both(a, b, c)'
\ir tables.sql
