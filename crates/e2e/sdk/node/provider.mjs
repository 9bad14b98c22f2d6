// An OpenID Connect provider of the tests: one confidential client with PKCE. Everybody who is named by
// login_hint signs in and consents at once; `deny` refuses.
// Environment: PORT, BASE (of the gateway), CLOCK (seconds that its clock is off), CLAIMS=userinfo (nothing
// but the subject in the ID token), ACCESS_TOKEN=jwt, USERINFO_SUB and ACCESS_TOKEN_SUB (a lie: about whom
// these speak), REFRESH (refresh tokens for everybody, each good for one use). `/test` tells how often they were
// used and given back, and takes what is to happen: {"token": "down" or "trouble" (of the token endpoint),
// "groups": [...] (everybody's), "forget": true (whom it vouched for)}.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import http from 'node:http';

const { PORT = '0', BASE, CLOCK = '0', CLAIMS, ACCESS_TOKEN, USERINFO_SUB, ACCESS_TOKEN_SUB, REFRESH } = process.env;
const now = Date.now;
Date.now = () => now() + Number(CLOCK) * 1000;
const { Provider } = await import('oidc-provider');

const asked = { refreshes: 0, refused: 0, revoked: 0, token: 'ok', groups: null };
const given = [];
const server = http.createServer();
await new Promise((ok) => server.listen(Number(PORT), '127.0.0.1', ok));
const issuer = `http://127.0.0.1:${server.address().port}`;
const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' });

const provider = new Provider(issuer, {
  jwks: { keys: [{ ...key, kid: randomUUID(), use: 'sig', alg: 'RS256' }] },
  clients: [{
    client_id: 'promptgate',
    client_secret: 'promptgate-test-secret',
    redirect_uris: [`${BASE}/auth/callback`],
    post_logout_redirect_uris: [`${BASE}/login`, `${BASE}/`],
    backchannel_logout_uri: `${BASE}/auth/backchannel-logout`,
    backchannel_logout_session_required: true,
    grant_types: REFRESH ? ['authorization_code', 'refresh_token'] : ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
  }],
  pkce: { required: () => true },
  claims: {
    openid: ['sub'],
    email: ['email', 'email_verified'],
    profile: ['name', 'preferred_username', 'groups'],
  },
  conformIdTokenClaims: CLAIMS === 'userinfo',
  cookies: { keys: ['test-only'] },
  ttl: { AccessToken: 600, IdToken: 600, RefreshToken: 3600, Interaction: 600, Session: 3600, Grant: 3600 },
  issueRefreshToken: (_ctx, client) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  features: {
    devInteractions: { enabled: false },
    rpInitiatedLogout: { enabled: true },
    backchannelLogout: { enabled: true },
    revocation: { enabled: Boolean(REFRESH) },
    resourceIndicators: {
      enabled: ACCESS_TOKEN === 'jwt',
      defaultResource: () => 'urn:promptgate',
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'openid profile email', audience: 'promptgate', accessTokenFormat: 'jwt',
      }),
    },
  },
  formats: {
    customizers: {
      jwt: (_ctx, _token, jwt) => {
        if (ACCESS_TOKEN_SUB) jwt.payload.sub = ACCESS_TOKEN_SUB;
      },
    },
  },
  // Its own would call nobody on this machine.
  fetch: (url, { dispatcher, ...options }) => fetch(url, options),
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({
      sub, preferred_username: sub, name: `Name of ${sub}`, email: `${sub}@example.test`, email_verified: true,
      groups: asked.groups ?? sub.split('-').slice(1),
    }),
  }),
});

provider.use(async (ctx, next) => {
  await next();
  if (ctx.oidc?.route === 'revocation') asked.revoked += 1;
  if (USERINFO_SUB && ctx.oidc?.route === 'userinfo') ctx.body = { ...ctx.body, sub: USERINFO_SUB };
});

provider.on('refresh_token.saved', (token) => given.push(token));
provider.on('grant.success', (ctx) => {
  if (ctx.oidc.params.grant_type === 'refresh_token') asked.refreshes += 1;
});
provider.on('grant.error', () => { asked.refused += 1; });

async function test(req, res) {
  let body = '';
  for await (const piece of req) body += piece;
  const { forget, ...changes } = JSON.parse(body || '{}');
  Object.assign(asked, changes);
  if (forget) await Promise.all(given.splice(0).map((token) => token.destroy()));
  res.end(JSON.stringify(asked));
}

async function interact(req, res) {
  const { prompt, params, session, grantId } = await provider.interactionDetails(req, res);
  if (params.login_hint === 'deny') {
    const denied = { error: 'access_denied', error_description: 'said no' };
    return provider.interactionFinished(req, res, denied);
  }
  if (prompt.name === 'login') {
    const accountId = params.login_hint || 'alice';
    return provider.interactionFinished(req, res, { login: { accountId } });
  }
  const grant = grantId ? await provider.Grant.find(grantId)
    : new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  const { missingOIDCScope, missingOIDCClaims, missingResourceScopes } = prompt.details;
  if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims) grant.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes ?? {})) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(req, res, { consent }, { mergeWithLastSubmission: true });
}

const callback = provider.callback();
server.on('request', (req, res) => {
  if (req.url === '/test') {
    test(req, res).catch((error) => { res.statusCode = 500; res.end(String(error)); });
  } else if (req.url === '/token' && asked.token === 'down') {
    req.socket.destroy();
  } else if (req.url === '/token' && asked.token === 'trouble') {
    res.statusCode = 503;
    res.end('{"error":"temporarily_unavailable"}');
  } else if (req.url.startsWith('/interaction/')) {
    interact(req, res).catch((error) => { res.statusCode = 500; res.end(String(error)); });
  } else callback(req, res);
});
console.log(JSON.stringify({ issuer }));
// Ends with the test that started it.
process.stdin.on('end', () => process.exit(0)).resume();
