-- A role that reads from Bitbucket's database who reaches what, and nothing else: `psql bitbucket -f bitbucket-reader.sql`.
CREATE ROLE portcullis_ro LOGIN PASSWORD 'CHOOSE-A-PASSWORD' NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 3;
ALTER ROLE portcullis_ro SET default_transaction_read_only = on;
ALTER ROLE portcullis_ro SET statement_timeout = '60s';

-- What it may read. Columns that hold secrets are left out: hashes of passwords and tokens, secrets of webhooks.
GRANT USAGE ON SCHEMA public TO portcullis_ro;
GRANT SELECT ON sta_normal_user, sta_service_user, project, sta_normal_project, sta_personal_project, repository,
  sta_repo_origin, sta_permission_type, sta_global_permission, sta_project_permission, sta_repo_permission,
  cwd_directory, cwd_app_dir_mapping, cwd_group, cwd_membership TO portcullis_ro;
GRANT SELECT (user_name, lower_user_name, display_name, email_address, directory_id, is_active)
  ON cwd_user TO portcullis_ro;
-- An app that was never used has no tables: leave out what is not there.
GRANT SELECT ON "AO_6978BB_RESTRICTED_REF", "AO_6978BB_PERMITTED_ENTITY" TO portcullis_ro;
GRANT SELECT ("ENTITY_ID", "USER_ID", "LABEL") ON "AO_FB71B4_SSH_PUBLIC_KEY" TO portcullis_ro;
GRANT SELECT ("TOKEN_ID", "NAME", "USER_ID") ON "AO_E5A814_ACCESS_TOKEN" TO portcullis_ro;
GRANT SELECT ON "AO_E5A814_ACCESS_TOKEN_PERM", "AO_A0B856_WEBHOOK_EVENT" TO portcullis_ro;
GRANT SELECT ("ID", "URL", "ACTIVE", "SCOPE_TYPE", "SCOPE_ID", "SSL_VERIFICATION_REQUIRED")
  ON "AO_A0B856_WEBHOOK" TO portcullis_ro;
GRANT SELECT ("KEY", "WEBHOOKID") ON "AO_A0B856_WEBHOOK_CONFIG" TO portcullis_ro;
