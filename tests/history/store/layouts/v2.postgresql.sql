--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: _alert_acknowledgement; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._alert_acknowledgement (
    alert_key text NOT NULL,
    severity text NOT NULL,
    reason text,
    made_by text NOT NULL,
    made_ms bigint NOT NULL
);


--
-- Name: _alert_evidence; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._alert_evidence (
    host text NOT NULL,
    at_ms bigint NOT NULL,
    data text NOT NULL
);


--
-- Name: _alert_message; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._alert_message (
    seq bigint NOT NULL,
    id text NOT NULL,
    rules text NOT NULL,
    sink text NOT NULL,
    message text NOT NULL,
    alert_key text NOT NULL,
    event text NOT NULL,
    at_ms bigint NOT NULL,
    source text NOT NULL,
    data text NOT NULL,
    is_repeat boolean NOT NULL,
    is_sending boolean NOT NULL,
    state text NOT NULL,
    done_ms bigint
);


--
-- Name: _alert_message_seq_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public._alert_message_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: _alert_message_seq_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public._alert_message_seq_seq OWNED BY public._alert_message.seq;


--
-- Name: _alert_progress; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._alert_progress (
    rules text NOT NULL,
    stream text NOT NULL,
    scan_uid text NOT NULL,
    scan_ms bigint NOT NULL,
    evaluated_ms bigint NOT NULL
);


--
-- Name: _alert_silence; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._alert_silence (
    id bigint NOT NULL,
    hosts text NOT NULL,
    rule text,
    from_ms bigint NOT NULL,
    until_ms bigint NOT NULL,
    every text,
    zone text,
    reason text NOT NULL,
    made_by text NOT NULL
);


--
-- Name: _alert_silence_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public._alert_silence_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: _alert_silence_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public._alert_silence_id_seq OWNED BY public._alert_silence.id;


--
-- Name: _alert_sink; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._alert_sink (
    rules text NOT NULL,
    sink text NOT NULL,
    owner text,
    lease_ms bigint,
    tries integer NOT NULL,
    retry_ms bigint,
    problem text
);


--
-- Name: _alert_state; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._alert_state (
    rules text NOT NULL,
    stream text NOT NULL,
    rule text NOT NULL,
    subject text NOT NULL,
    phase text NOT NULL,
    severity text,
    alert_key text,
    data text NOT NULL
);


--
-- Name: _boot; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._boot (
    host_id bigint NOT NULL,
    number integer NOT NULL,
    boot_id text NOT NULL,
    seen_ms bigint NOT NULL
);


--
-- Name: _daily; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._daily (
    day bigint NOT NULL,
    host_id bigint NOT NULL,
    samples integer NOT NULL,
    alloc double precision,
    inuse double precision,
    inuse6 double precision,
    tw double precision,
    orphan double precision,
    mem_pages double precision,
    closed double precision,
    tcp_close double precision,
    sockets_used double precision,
    tcp_close_min bigint,
    tcp_close_max bigint
);


--
-- Name: _detail; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._detail (
    scan_id bigint NOT NULL,
    size bigint NOT NULL,
    data bytea NOT NULL
);
ALTER TABLE ONLY public._detail ALTER COLUMN data SET STORAGE EXTERNAL;


--
-- Name: _fact; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._fact (
    id bigint NOT NULL,
    host_id bigint NOT NULL,
    since_ms bigint NOT NULL,
    address text,
    port integer NOT NULL,
    host_groups text NOT NULL,
    kernel_release text,
    page_size bigint,
    tcp_mem_low bigint,
    tcp_mem_pressure bigint,
    tcp_mem_high bigint,
    tcp_max_orphans bigint,
    file_max bigint
);


--
-- Name: _fact_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public._fact_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: _fact_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public._fact_id_seq OWNED BY public._fact.id;


--
-- Name: _failure; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._failure (
    scan_id bigint NOT NULL,
    host_id bigint NOT NULL,
    category text NOT NULL,
    phase text NOT NULL,
    message text NOT NULL
);


--
-- Name: _fleet; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._fleet (
    id bigint NOT NULL,
    key text NOT NULL,
    inventory text NOT NULL,
    host_limit text
);


--
-- Name: _fleet_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public._fleet_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: _fleet_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public._fleet_id_seq OWNED BY public._fleet.id;


--
-- Name: _host; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._host (
    id bigint NOT NULL,
    name text NOT NULL,
    fact_id bigint,
    fact_digest text,
    fact_ms bigint,
    boot_id text,
    boot integer,
    boot_ms bigint
);


--
-- Name: _host_group; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._host_group (
    host_id bigint NOT NULL,
    name text NOT NULL
);


--
-- Name: _host_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public._host_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: _host_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public._host_id_seq OWNED BY public._host.id;


--
-- Name: _host_set; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._host_set (
    id bigint NOT NULL,
    digest text NOT NULL,
    size integer NOT NULL,
    host_ids bytea NOT NULL
);


--
-- Name: _host_set_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public._host_set_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: _host_set_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public._host_set_id_seq OWNED BY public._host_set.id;


--
-- Name: _hourly; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._hourly (
    hour bigint NOT NULL,
    host_id bigint NOT NULL,
    samples integer NOT NULL,
    alloc double precision,
    inuse double precision,
    inuse6 double precision,
    tw double precision,
    orphan double precision,
    mem_pages double precision,
    closed double precision,
    tcp_close double precision,
    sockets_used double precision,
    tcp_close_min bigint,
    tcp_close_max bigint
);


--
-- Name: _hourly_pack; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._hourly_pack (
    hour bigint NOT NULL,
    number smallint NOT NULL,
    host_set_id bigint NOT NULL,
    data bytea NOT NULL
);
ALTER TABLE ONLY public._hourly_pack ALTER COLUMN data SET STORAGE EXTERNAL;


--
-- Name: _latest; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._latest (
    host_id bigint NOT NULL,
    read_ms bigint NOT NULL,
    scope smallint,
    alloc bigint,
    inuse bigint,
    inuse6 bigint,
    tw bigint,
    orphan bigint,
    mem_pages bigint,
    closed bigint,
    tcp_close bigint,
    sockets_used bigint,
    file_nr bigint
);


--
-- Name: _mailed; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._mailed (
    report text NOT NULL,
    kind text NOT NULL,
    host text NOT NULL,
    first_ms bigint NOT NULL,
    last_ms bigint NOT NULL,
    is_open boolean NOT NULL
);


--
-- Name: _merged; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._merged (
    uid text NOT NULL,
    merged_into text NOT NULL
);


--
-- Name: _namespace; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._namespace (
    id bigint NOT NULL,
    host_id bigint NOT NULL,
    kind text NOT NULL,
    name text NOT NULL,
    seen_ms bigint NOT NULL,
    namespaces integer NOT NULL,
    tcp_close bigint,
    inuse bigint,
    inuse6 bigint,
    tw bigint,
    sockets_used bigint
);


--
-- Name: _namespace_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public._namespace_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: _namespace_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public._namespace_id_seq OWNED BY public._namespace.id;


--
-- Name: _namespace_pack; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._namespace_pack (
    scan_id bigint NOT NULL,
    number smallint NOT NULL,
    namespace_set_id bigint NOT NULL,
    data bytea NOT NULL
);
ALTER TABLE ONLY public._namespace_pack ALTER COLUMN data SET STORAGE EXTERNAL;


--
-- Name: _namespace_set; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._namespace_set (
    id bigint NOT NULL,
    digest text NOT NULL,
    size integer NOT NULL,
    namespace_ids bytea NOT NULL
);


--
-- Name: _namespace_set_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public._namespace_set_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: _namespace_set_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public._namespace_set_id_seq OWNED BY public._namespace_set.id;


--
-- Name: _pack; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._pack (
    scan_id bigint NOT NULL,
    number smallint NOT NULL,
    data bytea NOT NULL
);
ALTER TABLE ONLY public._pack ALTER COLUMN data SET STORAGE EXTERNAL;


--
-- Name: _pending_day; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._pending_day (
    day bigint NOT NULL
);


--
-- Name: _pending_hour; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._pending_hour (
    hour bigint NOT NULL
);


--
-- Name: _scan; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._scan (
    id bigint NOT NULL,
    uid text NOT NULL,
    fleet_id bigint NOT NULL,
    host_set_id bigint NOT NULL,
    started_ms bigint NOT NULL,
    finished_ms bigint NOT NULL,
    duration_ms bigint NOT NULL,
    complete boolean NOT NULL,
    round integer,
    shard_of integer,
    shard_parts text,
    sort text NOT NULL,
    hosts integer NOT NULL,
    hosts_read integer NOT NULL,
    hosts_failed integer NOT NULL,
    alloc bigint,
    inuse bigint,
    inuse6 bigint,
    tw bigint,
    orphan bigint,
    mem_pages bigint,
    closed bigint,
    tcp_close bigint,
    merged_into text
);


--
-- Name: _scan_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public._scan_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: _scan_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public._scan_id_seq OWNED BY public._scan.id;


--
-- Name: _setting; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public._setting (
    name text NOT NULL,
    value text NOT NULL
);


--
-- Name: boots; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.boots AS
 SELECT h.name AS host,
    b.boot_id,
    to_timestamp((((b.seen_ms)::numeric / 1000.0))::double precision) AS first_seen_at
   FROM (public._boot b
     JOIN public._host h ON ((h.id = b.host_id)));


--
-- Name: daily; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.daily AS
 SELECT h.name AS host,
    ((to_timestamp((t.day)::double precision) AT TIME ZONE 'UTC'::text))::date AS day,
    t.samples,
    t.alloc,
    t.inuse,
    t.inuse6,
    t.tw,
    t.orphan,
    t.mem_pages,
    t.closed,
    t.tcp_close,
    t.sockets_used,
    t.tcp_close_min,
    t.tcp_close_max,
    t.day AS day_unix
   FROM (public._daily t
     JOIN public._host h ON ((h.id = t.host_id)));


--
-- Name: failures; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.failures AS
 SELECT h.name AS host,
    s.uid AS scan,
    to_timestamp((((s.started_ms)::numeric / 1000.0))::double precision) AS started_at,
    x.category,
    x.phase,
    x.message,
    (s.started_ms / 1000) AS started_unix
   FROM ((public._failure x
     JOIN public._scan s ON ((s.id = x.scan_id)))
     JOIN public._host h ON ((h.id = x.host_id)))
  WHERE (s.merged_into IS NULL);


--
-- Name: host_groups; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.host_groups AS
 SELECT h.name AS host,
    g.name AS group_name
   FROM (public._host_group g
     JOIN public._host h ON ((h.id = g.host_id)));


--
-- Name: hosts; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.hosts AS
 SELECT h.name AS host,
    f.address,
    f.port,
    f.kernel_release,
    h.boot_id,
    f.page_size,
    f.tcp_mem_low,
    f.tcp_mem_pressure,
    f.tcp_mem_high,
    f.tcp_max_orphans,
    f.file_max
   FROM (public._host h
     LEFT JOIN public._fact f ON ((f.id = h.fact_id)));


--
-- Name: hourly; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.hourly AS
 SELECT h.name AS host,
    to_timestamp((t.hour)::double precision) AS hour,
    t.samples,
    t.alloc,
    t.inuse,
    t.inuse6,
    t.tw,
    t.orphan,
    t.mem_pages,
    t.closed,
    t.tcp_close,
    t.sockets_used,
    t.tcp_close_min,
    t.tcp_close_max,
    t.hour AS hour_unix
   FROM (public._hourly t
     JOIN public._host h ON ((h.id = t.host_id)));


--
-- Name: latest; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.latest AS
 SELECT h.name AS host,
    to_timestamp((((l.read_ms)::numeric / 1000.0))::double precision) AS read_at,
        CASE l.scope
            WHEN 0 THEN 'all-namespaces'::text
            WHEN 1 THEN 'visible-namespaces'::text
            WHEN 2 THEN 'host-namespace'::text
            ELSE NULL::text
        END AS scope,
    l.alloc,
    l.inuse,
    l.inuse6,
    l.tw,
    l.orphan,
    l.mem_pages,
    l.closed,
    l.tcp_close,
    l.sockets_used,
    (l.read_ms / 1000) AS read_unix,
    l.file_nr
   FROM (public._latest l
     JOIN public._host h ON ((h.id = l.host_id)));


--
-- Name: namespaces; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.namespaces AS
 SELECT h.name AS host,
    n.kind,
    n.name,
    n.namespaces,
    to_timestamp((((n.seen_ms)::numeric / 1000.0))::double precision) AS read_at,
    n.tcp_close AS tcp_close_max,
    n.inuse,
    n.inuse6,
    n.tw,
    n.sockets_used,
    (n.seen_ms / 1000) AS read_unix
   FROM (public._namespace n
     JOIN public._host h ON ((h.id = n.host_id)));


--
-- Name: scans; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.scans AS
 SELECT s.uid AS scan,
    to_timestamp((((s.started_ms)::numeric / 1000.0))::double precision) AS started_at,
    to_timestamp((((s.finished_ms)::numeric / 1000.0))::double precision) AS finished_at,
    ((s.duration_ms)::numeric / 1000.0) AS duration_s,
    s.complete,
    f.key AS fleet,
    f.inventory,
    f.host_limit,
    s.round,
    s.shard_parts,
    s.shard_of,
    s.hosts,
    s.hosts_read,
    s.hosts_failed,
    s.alloc,
    s.inuse,
    s.inuse6,
    s.tw,
    s.orphan,
    s.mem_pages,
    s.closed,
    s.tcp_close,
    s.merged_into,
    (s.started_ms / 1000) AS started_unix
   FROM (public._scan s
     JOIN public._fleet f ON ((f.id = s.fleet_id)));


--
-- Name: store; Type: VIEW; Schema: public; Owner: -
--

CREATE VIEW public.store AS
 SELECT _setting.name,
    _setting.value
   FROM public._setting;


--
-- Name: _alert_message seq; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._alert_message ALTER COLUMN seq SET DEFAULT nextval('public._alert_message_seq_seq'::regclass);


--
-- Name: _alert_silence id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._alert_silence ALTER COLUMN id SET DEFAULT nextval('public._alert_silence_id_seq'::regclass);


--
-- Name: _fact id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._fact ALTER COLUMN id SET DEFAULT nextval('public._fact_id_seq'::regclass);


--
-- Name: _fleet id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._fleet ALTER COLUMN id SET DEFAULT nextval('public._fleet_id_seq'::regclass);


--
-- Name: _host id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._host ALTER COLUMN id SET DEFAULT nextval('public._host_id_seq'::regclass);


--
-- Name: _host_set id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._host_set ALTER COLUMN id SET DEFAULT nextval('public._host_set_id_seq'::regclass);


--
-- Name: _namespace id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._namespace ALTER COLUMN id SET DEFAULT nextval('public._namespace_id_seq'::regclass);


--
-- Name: _namespace_set id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._namespace_set ALTER COLUMN id SET DEFAULT nextval('public._namespace_set_id_seq'::regclass);


--
-- Name: _scan id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._scan ALTER COLUMN id SET DEFAULT nextval('public._scan_id_seq'::regclass);


--
-- Data for Name: _alert_acknowledgement; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: _alert_evidence; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: _alert_message; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: _alert_progress; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: _alert_silence; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: _alert_sink; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: _alert_state; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: _boot; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._boot VALUES (2, 0, '9fa547ed-0000-4000-8000-000000000000', 1793492400000);
INSERT INTO public._boot VALUES (1, 0, 'b68ab3f1-0000-4000-8000-000000000000', 1793493600000);


--
-- Data for Name: _daily; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._daily VALUES (1793491200, 1, 2, 175, 140, 10, 3, 0, 40, 28, 25, 300, 20, 30);
INSERT INTO public._daily VALUES (1793491200, 2, 3, 152.25, 140, 10, 3, 0, 40, 5.25, 2.25, 300, 1, 3);


--
-- Data for Name: _detail; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._detail VALUES (3, 2375, '\x0128b52ffd604708151900f6e8732240a75607301e0f6da98d6c74d323fee5755a8455f1f5a8fe2069e16bc4a8288a0b026800690067004de5731ac8a9f3bd28b65707dd7b42fcc14772687f4c59630f44f7d4d1aced5dfb41503a4f9bac76da44e92acfe8590ceaa2533c5d607793ddb6dbd406a81d283558d62e6e9eae932b7bdc21ed919d4d54b26f4f570300911d0a50bb9fa2e148fa7686cd70e8210190299571c190193dc71125611863cb1251924535014386819e9659057a62edd1c143a2849b95bae729c2584b0c6b7fda692f186a60c3a76540533e2ded8efab4ab7d59c36a6f1a31c6da1df91ea7c8b63ffd1c2b1af269b53faeb2d24a25e329f248345024e7e2e90132b19cfbf57c1d67379e76a386d67ed4e8b8ce7662f41425e59e0d6d87213a788f21e9504660aa7d21a876a52c95ecd314e2d74f0a825d2b3fa9f646e4f9f4868c2ae2b01694ac7a3ba53d9f8713cfdb1b723ce4906847842ea28b931d4f88437b47c77018361d1104dba70b0485150cc2e1b88420ba45fc670fcca6a78f156cc5687694ce13192aa8763428a62ceb91d12d4c598476a4885baa3dc19576610d4aa140500c0bdb55606c2d4651ed3336fd9c8236048cd85db6d2eeaa433b6cd82ccc12dabbc0d1e6e906c260a0142cc18625d154198091a831b9424a8d8c88342529a4036002992129e20312a07525ca32a764264e021191a2b24a0b5a180324bcd45aa33502a37e76540cff0f7c98408f10d9208ff7459902577a9ed4873825e8eb5ba846d271e73530b6bf0cf0d42472cfa3a50433e4e7da12d78f4a187ba33e1371eb0c718b6eb8912a03a64e930dd1fb4ec6f9057f30502005e8bbc339a401d618b01e688eb8d6a2c8d135864c96bab9b65000f2d95f878062d4e96d69b27a432c67b4937e786e55abd38b18ab5e3ab9c2a23e0a828f7063973ae75b9755a3a143d07cfacc7d45ee68e903258a4e62e61d8494a5b7efe65aa7ff5b387fa54197579a8afa7876287b1e44dc089dc4402001a74217f3d770c6f5289aae6b8a65452ffd170d7619dda32919259b4444104fd59d462e484cb4d8fc73bfe8280a16d8a70261be2e02a33a646c3462248bfb8573a87d615485ac3bd613268028fa9b9ef1fd01');


--
-- Data for Name: _fact; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._fact VALUES (1, 2, 1793492400000, '10.0.0.4', 22, '["web"]', '6.1.0', 4096, 1000, 2000, 3000, 4096, 9223372036854775807);
INSERT INTO public._fact VALUES (2, 1, 1793492400000, '10.0.0.3', 22, '["web"]', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO public._fact VALUES (3, 1, 1793493600000, '10.0.0.3', 22, '["web"]', '6.1.0', 4096, 1000, 2000, 3000, 4096, 9223372036854775807);


--
-- Data for Name: _failure; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._failure VALUES (1, 1, 'tcp_timeout', 'connect', 'no answer');


--
-- Data for Name: _fleet; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._fleet VALUES (1, '856f2a68', '["inventory.yml"]', NULL);


--
-- Data for Name: _host; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._host VALUES (2, 'web1', 1, 'ec9ca7dbad7e9a8f08', 1793492400000, '9fa547ed-0000-4000-8000-000000000000', 0, 1793492400000);
INSERT INTO public._host VALUES (1, 'db1', 3, 'b22f208b045e074472', 1793493600000, 'b68ab3f1-0000-4000-8000-000000000000', 0, 1793493600000);


--
-- Data for Name: _host_group; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._host_group VALUES (2, 'web');
INSERT INTO public._host_group VALUES (1, 'web');


--
-- Data for Name: _host_set; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._host_set VALUES (1, '44f8075de475106aaf7822e598a3d25b', 2, '\x0100020000000000000000000000');


--
-- Data for Name: _hourly; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._hourly VALUES (1793491200, 1, 1, 170, 140, 10, 3, 0, 40, 23, 20, 300, 20, 20);
INSERT INTO public._hourly VALUES (1793491200, 2, 2, 151.5, 140, 10, 3, 0, 40, 4.5, 1.5, 300, 1, 2);
INSERT INTO public._hourly VALUES (1793494800, 1, 1, 180, 140, 10, 3, 0, 40, 33, 30, 300, 30, 30);
INSERT INTO public._hourly VALUES (1793494800, 2, 1, 153, 140, 10, 3, 0, 40, 6, 3, 300, 3, 3);


--
-- Data for Name: _hourly_pack; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._hourly_pack VALUES (1793491200, 40, 1, '\x010102000000000000000000000028b52ffd20021100000102');
INSERT INTO public._hourly_pack VALUES (1793491200, 20, 1, '\x010002000000ffffffffffffffff');
INSERT INTO public._hourly_pack VALUES (1793491200, 1, 1, '\x0101020000002e0100000000000028b52ffd20021100002601');
INSERT INTO public._hourly_pack VALUES (1793491200, 2, 1, '\x0100020000001701000000000000');
INSERT INTO public._hourly_pack VALUES (1793491200, 3, 1, '\x0100020000001300000000000000');
INSERT INTO public._hourly_pack VALUES (1793491200, 4, 1, '\x0100020000000500000000000000');
INSERT INTO public._hourly_pack VALUES (1793491200, 5, 1, '\x010002000000ffffffffffffffff');
INSERT INTO public._hourly_pack VALUES (1793491200, 6, 1, '\x0100020000004f00000000000000');
INSERT INTO public._hourly_pack VALUES (1793491200, 7, 1, '\x010102000000080000000000000028b52ffd20021100002601');
INSERT INTO public._hourly_pack VALUES (1793491200, 8, 1, '\x010102000000020000000000000028b52ffd20021100002601');
INSERT INTO public._hourly_pack VALUES (1793491200, 9, 1, '\x0100020000005702000000000000');
INSERT INTO public._hourly_pack VALUES (1793491200, 41, 1, '\x010102000000000000000000000028b52ffd20021100001401');
INSERT INTO public._hourly_pack VALUES (1793491200, 42, 1, '\x010102000000010000000000000028b52ffd20021100001301');
INSERT INTO public._hourly_pack VALUES (1793494800, 40, 1, '\x0100020000000000000000000000');
INSERT INTO public._hourly_pack VALUES (1793494800, 20, 1, '\x010002000000ffffffffffffffff');
INSERT INTO public._hourly_pack VALUES (1793494800, 1, 1, '\x010102000000310100000000000028b52ffd20021100003701');
INSERT INTO public._hourly_pack VALUES (1793494800, 2, 1, '\x0100020000001701000000000000');
INSERT INTO public._hourly_pack VALUES (1793494800, 3, 1, '\x0100020000001300000000000000');
INSERT INTO public._hourly_pack VALUES (1793494800, 4, 1, '\x0100020000000500000000000000');
INSERT INTO public._hourly_pack VALUES (1793494800, 5, 1, '\x010002000000ffffffffffffffff');
INSERT INTO public._hourly_pack VALUES (1793494800, 6, 1, '\x0100020000004f00000000000000');
INSERT INTO public._hourly_pack VALUES (1793494800, 7, 1, '\x0101020000000b0000000000000028b52ffd20021100003701');
INSERT INTO public._hourly_pack VALUES (1793494800, 8, 1, '\x010102000000050000000000000028b52ffd20021100003701');
INSERT INTO public._hourly_pack VALUES (1793494800, 9, 1, '\x0100020000005702000000000000');
INSERT INTO public._hourly_pack VALUES (1793494800, 41, 1, '\x010102000000020000000000000028b52ffd20021100001c01');
INSERT INTO public._hourly_pack VALUES (1793494800, 42, 1, '\x010102000000020000000000000028b52ffd20021100001c01');


--
-- Data for Name: _latest; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._latest VALUES (1, 1793494800000, 0, 180, 140, 10, 3, 0, 40, 33, 30, 300, 1530);
INSERT INTO public._latest VALUES (2, 1793494800000, 0, 153, 140, 10, 3, 0, 40, 6, 3, 300, 1503);


--
-- Data for Name: _mailed; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: _merged; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: _namespace; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._namespace VALUES (1, 2, 'host', '', 1793494800000, 1, 3, 140, 10, NULL, 200);
INSERT INTO public._namespace VALUES (2, 2, 'unit', 'nginx.service', 1793494800000, 1, 3, 20, 0, 1, 33);


--
-- Data for Name: _namespace_pack; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._namespace_pack VALUES (1, 8, 1, '\x010102000000000000000000000028b52ffd20021100000301');
INSERT INTO public._namespace_pack VALUES (1, 2, 1, '\x010102000000130000000000000028b52ffd20021100007901');
INSERT INTO public._namespace_pack VALUES (1, 3, 1, '\x010102000000ffffffffffffffff28b52ffd20021100000b01');
INSERT INTO public._namespace_pack VALUES (1, 4, 1, '\x010102000000000000000000000028b52ffd20021100000001');
INSERT INTO public._namespace_pack VALUES (1, 9, 1, '\x0101020000001e0000000000000028b52ffd2002110000aa01');
INSERT INTO public._namespace_pack VALUES (2, 8, 1, '\x010102000000010000000000000028b52ffd20021100000201');
INSERT INTO public._namespace_pack VALUES (2, 2, 1, '\x010102000000130000000000000028b52ffd20021100007901');
INSERT INTO public._namespace_pack VALUES (2, 3, 1, '\x010102000000ffffffffffffffff28b52ffd20021100000b01');
INSERT INTO public._namespace_pack VALUES (2, 4, 1, '\x010102000000000000000000000028b52ffd20021100000001');
INSERT INTO public._namespace_pack VALUES (2, 9, 1, '\x0101020000001f0000000000000028b52ffd2002110000a901');
INSERT INTO public._namespace_pack VALUES (3, 8, 1, '\x0100020000000200000000000000');
INSERT INTO public._namespace_pack VALUES (3, 2, 1, '\x010102000000130000000000000028b52ffd20021100007901');
INSERT INTO public._namespace_pack VALUES (3, 3, 1, '\x010102000000ffffffffffffffff28b52ffd20021100000b01');
INSERT INTO public._namespace_pack VALUES (3, 4, 1, '\x010102000000000000000000000028b52ffd20021100000001');
INSERT INTO public._namespace_pack VALUES (3, 9, 1, '\x010102000000200000000000000028b52ffd2002110000a801');


--
-- Data for Name: _namespace_set; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._namespace_set VALUES (1, '44f8075de475106aaf7822e598a3d25b', 2, '\x0100020000000000000000000000');


--
-- Data for Name: _pack; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._pack VALUES (1, 1, '\x010102000000960000000000000028b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 2, '\x0101020000008b0000000000000028b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 3, '\x010102000000090000000000000028b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 4, '\x010102000000020000000000000028b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 5, '\x010102000000ffffffffffffffff28b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 6, '\x010102000000270000000000000028b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 7, '\x010102000000030000000000000028b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 8, '\x010102000000000000000000000028b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 9, '\x0101020000002b0100000000000028b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 20, '\x010102000000ffffffffffffffff28b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 21, '\x010102000000ffffffffffffffff28b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 22, '\x010102000000ffffffffffffffff28b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 23, '\x0101020000000b0000000000000028b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 26, '\x010102000000dc0500000000000028b52ffd20021100000001');
INSERT INTO public._pack VALUES (1, 24, '\x0100020000000000000000000000');
INSERT INTO public._pack VALUES (1, 25, '\x0100020000007c00000000000000');
INSERT INTO public._pack VALUES (2, 1, '\x010102000000970000000000000028b52ffd20021100001301');
INSERT INTO public._pack VALUES (2, 2, '\x0100020000008b00000000000000');
INSERT INTO public._pack VALUES (2, 3, '\x0100020000000900000000000000');
INSERT INTO public._pack VALUES (2, 4, '\x0100020000000200000000000000');
INSERT INTO public._pack VALUES (2, 5, '\x010002000000ffffffffffffffff');
INSERT INTO public._pack VALUES (2, 6, '\x0100020000002700000000000000');
INSERT INTO public._pack VALUES (2, 7, '\x010102000000040000000000000028b52ffd20021100001301');
INSERT INTO public._pack VALUES (2, 8, '\x010102000000010000000000000028b52ffd20021100001301');
INSERT INTO public._pack VALUES (2, 9, '\x0100020000002b01000000000000');
INSERT INTO public._pack VALUES (2, 20, '\x010002000000ffffffffffffffff');
INSERT INTO public._pack VALUES (2, 21, '\x010002000000ffffffffffffffff');
INSERT INTO public._pack VALUES (2, 22, '\x010002000000ffffffffffffffff');
INSERT INTO public._pack VALUES (2, 23, '\x0100020000000b00000000000000');
INSERT INTO public._pack VALUES (2, 26, '\x010102000000dd0500000000000028b52ffd20021100001301');
INSERT INTO public._pack VALUES (2, 24, '\x0100020000000000000000000000');
INSERT INTO public._pack VALUES (2, 25, '\x0100020000007c00000000000000');
INSERT INTO public._pack VALUES (3, 1, '\x010102000000980000000000000028b52ffd20021100001c01');
INSERT INTO public._pack VALUES (3, 2, '\x0100020000008b00000000000000');
INSERT INTO public._pack VALUES (3, 3, '\x0100020000000900000000000000');
INSERT INTO public._pack VALUES (3, 4, '\x0100020000000200000000000000');
INSERT INTO public._pack VALUES (3, 5, '\x010002000000ffffffffffffffff');
INSERT INTO public._pack VALUES (3, 6, '\x0100020000002700000000000000');
INSERT INTO public._pack VALUES (3, 7, '\x010102000000050000000000000028b52ffd20021100001c01');
INSERT INTO public._pack VALUES (3, 8, '\x010102000000020000000000000028b52ffd20021100001c01');
INSERT INTO public._pack VALUES (3, 9, '\x0100020000002b01000000000000');
INSERT INTO public._pack VALUES (3, 20, '\x010002000000ffffffffffffffff');
INSERT INTO public._pack VALUES (3, 21, '\x010002000000ffffffffffffffff');
INSERT INTO public._pack VALUES (3, 22, '\x010002000000ffffffffffffffff');
INSERT INTO public._pack VALUES (3, 23, '\x0100020000000b00000000000000');
INSERT INTO public._pack VALUES (3, 26, '\x010102000000de0500000000000028b52ffd20021100001c01');
INSERT INTO public._pack VALUES (3, 24, '\x0100020000000000000000000000');
INSERT INTO public._pack VALUES (3, 25, '\x0100020000007c00000000000000');


--
-- Data for Name: _pending_day; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: _pending_hour; Type: TABLE DATA; Schema: public; Owner: -
--



--
-- Data for Name: _scan; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._scan VALUES (1, '00000000000000000000000000000001', 1, 1, 1793492400000, 1793492402000, 2000, true, NULL, NULL, NULL, 'tcp_close', 2, 1, 1, 151, 140, 10, 3, 0, 40, 4, 1, NULL);
INSERT INTO public._scan VALUES (2, '00000000000000000000000000000002', 1, 1, 1793493600000, 1793493602000, 2000, true, NULL, NULL, NULL, 'tcp_close', 2, 2, 0, 322, 280, 20, 6, 0, 80, 28, 22, NULL);
INSERT INTO public._scan VALUES (3, '00000000000000000000000000000003', 1, 1, 1793494800000, 1793494802000, 2000, true, NULL, NULL, NULL, 'tcp_close', 2, 2, 0, 333, 280, 20, 6, 0, 80, 39, 33, NULL);


--
-- Data for Name: _setting; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public._setting VALUES ('layout', '2');


--
-- Name: _alert_message_seq_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public._alert_message_seq_seq', 1, false);


--
-- Name: _alert_silence_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public._alert_silence_id_seq', 1, false);


--
-- Name: _fact_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public._fact_id_seq', 3, true);


--
-- Name: _fleet_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public._fleet_id_seq', 1, true);


--
-- Name: _host_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public._host_id_seq', 2, true);


--
-- Name: _host_set_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public._host_set_id_seq', 1, true);


--
-- Name: _namespace_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public._namespace_id_seq', 2, true);


--
-- Name: _namespace_set_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public._namespace_set_id_seq', 1, true);


--
-- Name: _scan_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public._scan_id_seq', 3, true);


--
-- Name: _alert_acknowledgement _alert_acknowledgement_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._alert_acknowledgement
    ADD CONSTRAINT _alert_acknowledgement_pkey PRIMARY KEY (alert_key);


--
-- Name: _alert_evidence _alert_evidence_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._alert_evidence
    ADD CONSTRAINT _alert_evidence_pkey PRIMARY KEY (host);


--
-- Name: _alert_message _alert_message_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._alert_message
    ADD CONSTRAINT _alert_message_id_key UNIQUE (id);


--
-- Name: _alert_message _alert_message_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._alert_message
    ADD CONSTRAINT _alert_message_pkey PRIMARY KEY (seq);


--
-- Name: _alert_progress _alert_progress_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._alert_progress
    ADD CONSTRAINT _alert_progress_pkey PRIMARY KEY (rules, stream);


--
-- Name: _alert_silence _alert_silence_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._alert_silence
    ADD CONSTRAINT _alert_silence_pkey PRIMARY KEY (id);


--
-- Name: _alert_sink _alert_sink_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._alert_sink
    ADD CONSTRAINT _alert_sink_pkey PRIMARY KEY (rules, sink);


--
-- Name: _alert_state _alert_state_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._alert_state
    ADD CONSTRAINT _alert_state_pkey PRIMARY KEY (rules, stream, rule, subject);


--
-- Name: _boot _boot_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._boot
    ADD CONSTRAINT _boot_pkey PRIMARY KEY (host_id, number);


--
-- Name: _daily _daily_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._daily
    ADD CONSTRAINT _daily_pkey PRIMARY KEY (day, host_id);


--
-- Name: _detail _detail_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._detail
    ADD CONSTRAINT _detail_pkey PRIMARY KEY (scan_id);


--
-- Name: _fact _fact_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._fact
    ADD CONSTRAINT _fact_pkey PRIMARY KEY (id);


--
-- Name: _failure _failure_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._failure
    ADD CONSTRAINT _failure_pkey PRIMARY KEY (scan_id, host_id);


--
-- Name: _fleet _fleet_key_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._fleet
    ADD CONSTRAINT _fleet_key_key UNIQUE (key);


--
-- Name: _fleet _fleet_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._fleet
    ADD CONSTRAINT _fleet_pkey PRIMARY KEY (id);


--
-- Name: _host_group _host_group_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._host_group
    ADD CONSTRAINT _host_group_pkey PRIMARY KEY (host_id, name);


--
-- Name: _host _host_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._host
    ADD CONSTRAINT _host_name_key UNIQUE (name);


--
-- Name: _host _host_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._host
    ADD CONSTRAINT _host_pkey PRIMARY KEY (id);


--
-- Name: _host_set _host_set_digest_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._host_set
    ADD CONSTRAINT _host_set_digest_key UNIQUE (digest);


--
-- Name: _host_set _host_set_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._host_set
    ADD CONSTRAINT _host_set_pkey PRIMARY KEY (id);


--
-- Name: _hourly_pack _hourly_pack_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._hourly_pack
    ADD CONSTRAINT _hourly_pack_pkey PRIMARY KEY (hour, number);


--
-- Name: _hourly _hourly_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._hourly
    ADD CONSTRAINT _hourly_pkey PRIMARY KEY (hour, host_id);


--
-- Name: _latest _latest_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._latest
    ADD CONSTRAINT _latest_pkey PRIMARY KEY (host_id);


--
-- Name: _mailed _mailed_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._mailed
    ADD CONSTRAINT _mailed_pkey PRIMARY KEY (report, kind, host);


--
-- Name: _merged _merged_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._merged
    ADD CONSTRAINT _merged_pkey PRIMARY KEY (uid);


--
-- Name: _namespace _namespace_host_id_kind_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._namespace
    ADD CONSTRAINT _namespace_host_id_kind_name_key UNIQUE (host_id, kind, name);


--
-- Name: _namespace_pack _namespace_pack_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._namespace_pack
    ADD CONSTRAINT _namespace_pack_pkey PRIMARY KEY (scan_id, number);


--
-- Name: _namespace _namespace_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._namespace
    ADD CONSTRAINT _namespace_pkey PRIMARY KEY (id);


--
-- Name: _namespace_set _namespace_set_digest_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._namespace_set
    ADD CONSTRAINT _namespace_set_digest_key UNIQUE (digest);


--
-- Name: _namespace_set _namespace_set_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._namespace_set
    ADD CONSTRAINT _namespace_set_pkey PRIMARY KEY (id);


--
-- Name: _pack _pack_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._pack
    ADD CONSTRAINT _pack_pkey PRIMARY KEY (scan_id, number);


--
-- Name: _pending_day _pending_day_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._pending_day
    ADD CONSTRAINT _pending_day_pkey PRIMARY KEY (day);


--
-- Name: _pending_hour _pending_hour_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._pending_hour
    ADD CONSTRAINT _pending_hour_pkey PRIMARY KEY (hour);


--
-- Name: _scan _scan_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._scan
    ADD CONSTRAINT _scan_pkey PRIMARY KEY (id);


--
-- Name: _scan _scan_uid_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._scan
    ADD CONSTRAINT _scan_uid_key UNIQUE (uid);


--
-- Name: _setting _setting_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._setting
    ADD CONSTRAINT _setting_pkey PRIMARY KEY (name);


--
-- Name: _alert_message_waiting; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX _alert_message_waiting ON public._alert_message USING btree (rules, sink, state);


--
-- Name: _fact_host; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX _fact_host ON public._fact USING btree (host_id, since_ms);


--
-- Name: _scan_started; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX _scan_started ON public._scan USING btree (started_ms);


--
-- Name: _boot _boot_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._boot
    ADD CONSTRAINT _boot_host_id_fkey FOREIGN KEY (host_id) REFERENCES public._host(id);


--
-- Name: _daily _daily_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._daily
    ADD CONSTRAINT _daily_host_id_fkey FOREIGN KEY (host_id) REFERENCES public._host(id);


--
-- Name: _detail _detail_scan_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._detail
    ADD CONSTRAINT _detail_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public._scan(id);


--
-- Name: _fact _fact_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._fact
    ADD CONSTRAINT _fact_host_id_fkey FOREIGN KEY (host_id) REFERENCES public._host(id);


--
-- Name: _failure _failure_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._failure
    ADD CONSTRAINT _failure_host_id_fkey FOREIGN KEY (host_id) REFERENCES public._host(id);


--
-- Name: _failure _failure_scan_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._failure
    ADD CONSTRAINT _failure_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public._scan(id);


--
-- Name: _host_group _host_group_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._host_group
    ADD CONSTRAINT _host_group_host_id_fkey FOREIGN KEY (host_id) REFERENCES public._host(id);


--
-- Name: _hourly _hourly_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._hourly
    ADD CONSTRAINT _hourly_host_id_fkey FOREIGN KEY (host_id) REFERENCES public._host(id);


--
-- Name: _hourly_pack _hourly_pack_host_set_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._hourly_pack
    ADD CONSTRAINT _hourly_pack_host_set_id_fkey FOREIGN KEY (host_set_id) REFERENCES public._host_set(id);


--
-- Name: _latest _latest_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._latest
    ADD CONSTRAINT _latest_host_id_fkey FOREIGN KEY (host_id) REFERENCES public._host(id);


--
-- Name: _namespace _namespace_host_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._namespace
    ADD CONSTRAINT _namespace_host_id_fkey FOREIGN KEY (host_id) REFERENCES public._host(id);


--
-- Name: _namespace_pack _namespace_pack_namespace_set_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._namespace_pack
    ADD CONSTRAINT _namespace_pack_namespace_set_id_fkey FOREIGN KEY (namespace_set_id) REFERENCES public._namespace_set(id);


--
-- Name: _namespace_pack _namespace_pack_scan_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._namespace_pack
    ADD CONSTRAINT _namespace_pack_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public._scan(id);


--
-- Name: _pack _pack_scan_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._pack
    ADD CONSTRAINT _pack_scan_id_fkey FOREIGN KEY (scan_id) REFERENCES public._scan(id);


--
-- Name: _scan _scan_fleet_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._scan
    ADD CONSTRAINT _scan_fleet_id_fkey FOREIGN KEY (fleet_id) REFERENCES public._fleet(id);


--
-- Name: _scan _scan_host_set_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public._scan
    ADD CONSTRAINT _scan_host_set_id_fkey FOREIGN KEY (host_set_id) REFERENCES public._host_set(id);


--
-- PostgreSQL database dump complete
--


