// Added by `skill`: answers while the server does, whatever the application's own services do.
/* eslint-disable */
// @ts-nocheck
export default function health(request, response) {
  response.json({ status: 'ok' });
}
