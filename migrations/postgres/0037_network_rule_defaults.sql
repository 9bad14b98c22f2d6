-- What happens to addresses that no rule of a namespace is about, where somebody has set it. The subject of everybody's
-- rules is the id that is all zeros.
CREATE TABLE network_rule_defaults (
    namespace  TEXT COLLATE "C" NOT NULL,
    subject_id UUID             NOT NULL,
    action     TEXT COLLATE "C" NOT NULL,
    CONSTRAINT network_rule_defaults_pkey PRIMARY KEY (namespace, subject_id)
);
