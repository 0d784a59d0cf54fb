create table item (id integer primary key, name text, amount integer);
with recursive n(x) as (select 1 union all select x + 1 from n where x < 200000)
insert into item select x, 'item ' || (x * 7919 % 200003), x * 31 % 1009 from n;
create index by_name on item (name);
create index by_amount on item (amount, name);
select count(*), sum(amount), max(name) from item;
select amount, count(*), group_concat(id) from item where amount < 5 group by amount;
select a.name, b.id from item a join item b on a.name = 'item ' || b.id where a.amount = 17 order by b.id limit 20;
update item set name = name || ' (' || amount || ')' where amount % 3 = 0;
delete from item where amount % 5 = 0;
select count(*), sum(length(name)) from item;
