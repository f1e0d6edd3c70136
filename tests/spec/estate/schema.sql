-- The tables of a Bitbucket Data Center that tell who reaches what, as far as they are read: names and types as in its
-- own dumps, without indexes. What belongs to Active Objects is in capitals and quoted.
CREATE TABLE stash_user (id integer PRIMARY KEY);
CREATE TABLE sta_normal_user (
  user_id integer PRIMARY KEY REFERENCES stash_user, name varchar(255) NOT NULL UNIQUE,
  slug varchar(255) NOT NULL UNIQUE, locale varchar(32), deleted_timestamp timestamp, time_zone varchar(64));
CREATE TABLE sta_service_user (
  user_id integer PRIMARY KEY REFERENCES stash_user, display_name varchar(255) NOT NULL, active boolean NOT NULL,
  name varchar(255) NOT NULL UNIQUE, slug varchar(255) NOT NULL UNIQUE, email_address varchar(255),
  label varchar(128) NOT NULL);

CREATE TABLE project (
  id integer PRIMARY KEY, name varchar(128) NOT NULL, project_key varchar(128) NOT NULL, description varchar(255),
  project_type integer NOT NULL, namespace varchar(128) NOT NULL DEFAULT '#', UNIQUE (namespace, project_key));
CREATE TABLE sta_normal_project (project_id integer PRIMARY KEY REFERENCES project, is_public boolean NOT NULL);
CREATE TABLE sta_personal_project (
  project_id integer PRIMARY KEY REFERENCES project, owner_id integer NOT NULL REFERENCES stash_user);
CREATE TABLE repository (
  id integer PRIMARY KEY, slug varchar(128) NOT NULL, name varchar(128) NOT NULL, state integer NOT NULL,
  project_id integer NOT NULL REFERENCES project, scm_id varchar(255) NOT NULL, hierarchy_id varchar(20) NOT NULL,
  is_forkable boolean NOT NULL, is_public boolean NOT NULL, is_read_only boolean NOT NULL DEFAULT false,
  is_archived boolean NOT NULL DEFAULT false, UNIQUE (slug, project_id));
CREATE TABLE sta_repo_origin (
  repository_id integer PRIMARY KEY REFERENCES repository, origin_id integer NOT NULL REFERENCES repository);

CREATE TABLE sta_permission_type (perm_id integer PRIMARY KEY, perm_weight integer NOT NULL);
INSERT INTO sta_permission_type VALUES
  (9, 0), (0, 1000), (2, 2000), (1, 3000), (3, 4000), (8, 5000), (4, 6000), (5, 7000), (6, 9000), (7, 10000),
  (11, 4500); -- stands for REPO_CREATE: its number is not known, its weight lies there
CREATE TABLE sta_global_permission (
  id bigserial PRIMARY KEY, perm_id integer NOT NULL REFERENCES sta_permission_type, group_name varchar(255),
  user_id integer REFERENCES stash_user);
CREATE TABLE sta_project_permission (
  id bigserial PRIMARY KEY, perm_id integer NOT NULL REFERENCES sta_permission_type,
  project_id integer NOT NULL REFERENCES project, group_name varchar(255), user_id integer REFERENCES stash_user);
CREATE TABLE sta_repo_permission (
  id bigserial PRIMARY KEY, perm_id integer NOT NULL REFERENCES sta_permission_type,
  repo_id integer NOT NULL REFERENCES repository, group_name varchar(255), user_id integer REFERENCES stash_user);

CREATE TABLE cwd_directory (
  id bigint PRIMARY KEY, directory_name varchar(255) NOT NULL, directory_type varchar(32) NOT NULL,
  is_active char(1) NOT NULL);
CREATE TABLE cwd_app_dir_mapping (
  id bigserial PRIMARY KEY, application_id bigint NOT NULL DEFAULT 1,
  directory_id bigint NOT NULL REFERENCES cwd_directory, list_index integer);
CREATE TABLE cwd_user (
  id bigserial PRIMARY KEY, user_name varchar(255) NOT NULL, lower_user_name varchar(255) NOT NULL,
  display_name varchar(255), email_address varchar(255), directory_id bigint NOT NULL REFERENCES cwd_directory,
  credential varchar(255), is_active char(1) NOT NULL, UNIQUE (lower_user_name, directory_id));
CREATE TABLE cwd_group (
  id bigserial PRIMARY KEY, group_name varchar(255) NOT NULL, lower_group_name varchar(255) NOT NULL,
  group_type varchar(32) NOT NULL DEFAULT 'GROUP', directory_id bigint NOT NULL REFERENCES cwd_directory,
  is_active char(1) NOT NULL, UNIQUE (lower_group_name, directory_id));
CREATE TABLE cwd_membership (
  id bigserial PRIMARY KEY, membership_type varchar(32), group_type varchar(32) NOT NULL DEFAULT 'GROUP',
  parent_name varchar(255) NOT NULL, lower_parent_name varchar(255) NOT NULL, child_name varchar(255) NOT NULL,
  lower_child_name varchar(255) NOT NULL, directory_id bigint NOT NULL REFERENCES cwd_directory);
INSERT INTO cwd_directory VALUES
  (100, 'Internal', 'INTERNAL', 'T'), (200, 'LDAP', 'CONNECTOR', 'T'), (300, 'Old LDAP', 'CONNECTOR', 'F');
INSERT INTO cwd_app_dir_mapping (directory_id, list_index) VALUES (100, 0), (200, 1), (300, 2);

CREATE TABLE "AO_6978BB_RESTRICTED_REF" (
  "REF_ID" integer PRIMARY KEY, "REF_TYPE" varchar(255) NOT NULL, "REF_VALUE" varchar(450) NOT NULL,
  "RESTRICTION_TYPE" varchar(255) NOT NULL, "RESOURCE_ID" integer NOT NULL, "SCOPE_TYPE" varchar(255) NOT NULL);
CREATE TABLE "AO_6978BB_PERMITTED_ENTITY" (
  "ENTITY_ID" serial PRIMARY KEY, "FK_RESTRICTED_ID" integer NOT NULL REFERENCES "AO_6978BB_RESTRICTED_REF",
  "GROUP_ID" varchar(255), "USER_ID" integer, "ACCESS_KEY_ID" integer);
CREATE TABLE "AO_FB71B4_SSH_PUBLIC_KEY" (
  "ENTITY_ID" integer PRIMARY KEY, "USER_ID" integer NOT NULL, "KEY_TEXT" text NOT NULL, "LABEL" varchar(255));
CREATE TABLE "AO_E5A814_ACCESS_TOKEN" (
  "TOKEN_ID" varchar(255) PRIMARY KEY, "NAME" varchar(255) NOT NULL, "HASHED_TOKEN" varchar(255) NOT NULL,
  "USER_ID" integer NOT NULL);
CREATE TABLE "AO_E5A814_ACCESS_TOKEN_PERM" (
  "ID" serial PRIMARY KEY, "FK_ACCESS_TOKEN_ID" varchar(255) NOT NULL REFERENCES "AO_E5A814_ACCESS_TOKEN",
  "PERMISSION" integer NOT NULL);
CREATE TABLE "AO_A0B856_WEBHOOK" (
  "ID" integer PRIMARY KEY, "NAME" varchar(255) NOT NULL, "URL" text NOT NULL, "ACTIVE" boolean,
  "SCOPE_TYPE" varchar(255) NOT NULL, "SCOPE_ID" varchar(255), "USERNAME" varchar(255), "PASSWORD" varchar(255),
  "SSL_VERIFICATION_REQUIRED" boolean NOT NULL DEFAULT true);
CREATE TABLE "AO_A0B856_WEBHOOK_EVENT" (
  "ID" serial PRIMARY KEY, "EVENT_ID" varchar(255) NOT NULL,
  "WEBHOOKID" integer NOT NULL REFERENCES "AO_A0B856_WEBHOOK");
CREATE TABLE "AO_A0B856_WEBHOOK_CONFIG" (
  "ID" serial PRIMARY KEY, "KEY" varchar(255) NOT NULL, "VALUE" varchar(255) NOT NULL,
  "WEBHOOKID" integer NOT NULL REFERENCES "AO_A0B856_WEBHOOK");
