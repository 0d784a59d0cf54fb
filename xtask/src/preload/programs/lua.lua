-- Trees that come and go, and a table of strings.
local function tree(depth)
    if depth == 0 then return {} end
    return { tree(depth - 1), tree(depth - 1) }
end
local function count(node)
    if not node[1] then return 1 end
    return 1 + count(node[1]) + count(node[2])
end
local long = tree(14)
local sum = 0
for depth = 4, 14, 2 do
    for _ = 1, 1 << (14 - depth) do sum = sum + count(tree(depth)) end
end
local words = {}
for n = 1, 60000 do words[#words + 1] = string.format("%x", n * 7919 % 65521) .. string.rep("y", n % 30) end
table.sort(words)
print(count(long), sum, #table.concat(words, " "), words[1], words[#words])
