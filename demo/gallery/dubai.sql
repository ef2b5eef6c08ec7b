-- The Tokyo workspace becomes one in Dubai: names are written from right to left.
UPDATE workspaces SET name = 'مكتب دبي', settings = '{"timezone": "Asia/Dubai"}' WHERE id = 'demo-workspace-tokyo';

UPDATE users SET name = named.name, display_name = named.short
FROM (VALUES
    ('sato-yui', 'مريم المنصوري', 'مريم'),
    ('tanaka-kenji', 'خالد العامري', 'خالد'),
    ('suzuki-haruka', 'فاطمة الزهراء', 'فاطمة'),
    ('yamamoto-ren', 'يوسف حداد', 'يوسف ☕'),
    ('ito-mei', 'نور الدين', 'نور'),
    ('watanabe-aoi', 'سارة بن علي', 'سارة'),
    ('chen-yating', 'عمر (وكالة)', 'عمر (وكالة)'),
    ('sora', 'سما', 'سما')
) AS named (key, name, short)
WHERE users.id = 'demo-user-' || named.key;

UPDATE channels SET name = named.name
FROM (VALUES
    ('everyone', 'عام'),
    ('engineering', 'التطوير'),
    ('coffee', 'استراحة القهوة ☕'),
    ('berlin-bridge', 'جسر برلين (Berlin)'),
    ('old-office', 'المكتب القديم')
) AS named (key, name)
WHERE channels.id = 'demo-channel-tokyo-' || named.key;
