SELECT json_build_object(
  'roles', (SELECT json_object_agg(rolname, rolpassword) FROM pg_authid WHERE rolcanlogin),
  'databases', (SELECT json_agg(datname) FROM pg_database));
