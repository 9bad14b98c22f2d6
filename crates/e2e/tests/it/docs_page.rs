//! The documentation page in a real browser: signing in there with a token, with a key and with the session,
//! and trying a route out.

mod browser;

use browser::Browser;
use promptgate_e2e::{ADMIN_KEY, Gateway, Installation, Project};

const PASSWORD: &str = "correct horse battery";

/// A gateway with a person who may sign in.
async fn gateway(installation: &Installation) -> (Gateway, Project) {
    let gateway = Gateway::run_all(installation).await.unwrap();
    let arguments = ["user", "create", "ada@example.com", "--role", "admin"];
    let made = installation.operate(&arguments, &format!("{PASSWORD}\n")).await.unwrap();
    assert!(made.status.success(), "{}{}", made.output, made.errors);
    let project = gateway.project().await.unwrap();
    (gateway, project)
}

/// Gives the page a credential for one of the document's ways in.
async fn authorize(browser: &Browser, scheme: &str, secret: &str) {
    browser.click(".auth-wrapper .btn.authorize").await;
    let container = format!("//div[contains(@class,'auth-container')][.//code[text()='{scheme}']]");
    browser.write(&format!("{container}//input"), secret).await;
    browser.click(&format!("{container}//button[contains(@class,'authorize')]")).await;
    // It says that the credential is there before it is closed.
    browser.find(&format!("{container}//button[text()='Logout']")).await;
    browser.click(".modal-ux .close-modal").await;
}

/// Tries an operation out; the status of the answer.
async fn try_out(browser: &Browser, tag: &str, name: &str, parameters: &[(&str, &str)]) -> String {
    let block = format!("#operations-{tag}-{tag}_{name}");
    if !browser.has(&format!("{block} .execute")).await {
        browser.click(&format!("{block} .opblock-summary-control")).await;
        browser.click(&format!("{block} .try-out__btn")).await;
    }
    for (parameter, value) in parameters {
        browser.write(&format!("{block} tr[data-param-name='{parameter}'] input"), value).await;
    }
    if browser.has(&format!("{block} .btn-clear")).await {
        browser.click(&format!("{block} .btn-clear")).await;
    }
    browser.click(&format!("{block} .execute")).await;
    let status = browser.text(&format!("{block} .live-responses-table .response .response-col_status")).await;
    status.split_whitespace().next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn routes_can_be_tried_out_with_a_token_and_with_an_admin_key() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_BCRYPT_COST", "4");
    let (gateway, project) = gateway(&installation).await;
    let browser = Browser::start(installation.path()).await;
    browser.open(&format!("{}/api/docs/", gateway.api)).await;
    let own = [("uuid", project.id.as_str())];
    assert_eq!(try_out(&browser, "introspection", "info", &own).await, "401");
    authorize(&browser, "projectToken", &project.token).await;
    assert_eq!(try_out(&browser, "introspection", "info", &[]).await, "200");
    assert_eq!(try_out(&browser, "settings", "find", &[]).await, "401");
    authorize(&browser, "adminApiKey", ADMIN_KEY).await;
    assert_eq!(try_out(&browser, "settings", "find", &[]).await, "200");
}

#[tokio::test]
async fn whoever_is_signed_in_needs_nothing_else() {
    let installation = Installation::embedded().unwrap().set("PROMPTGATE_BCRYPT_COST", "4");
    let (gateway, _) = gateway(&installation).await;
    let browser = Browser::start(installation.path()).await;
    browser.open(&format!("{}/api/docs/", gateway.api)).await;
    assert_eq!(try_out(&browser, "me", "profile", &[]).await, "401");
    let sign_in = format!(
        "fetch('/auth/password', {{method: 'POST', headers: {{'content-type': 'application/json'}}, \
         body: JSON.stringify({{email: 'ada@example.com', password: '{PASSWORD}'}})}})\
         .then(answer => arguments[0](answer.status), error => arguments[0](String(error)))"
    );
    assert_eq!(browser.run(&sign_in).await, 200);
    assert_eq!(try_out(&browser, "me", "profile", &[]).await, "200");
    // What changes something is let in too: the page is one of the API's own.
    assert_eq!(try_out(&browser, "auth", "log_out", &[]).await, "204");
    assert_eq!(try_out(&browser, "me", "profile", &[]).await, "401");
}
