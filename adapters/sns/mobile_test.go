package sns

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestMobile(t *testing.T) {
	s := newService(t)
	r := httptest.NewRequest(http.MethodPost, "/_aws/sns/phone-opt-outs", strings.NewReader(`{"phoneNumber":"+15551234567"}`))
	r.RemoteAddr = "127.0.0.1:1"
	if code, body := s.answer(r); code != 200 {
		t.Fatal(code, body)
	}
	out := func(number string) string {
		return element(t, s.ok("CheckIfPhoneNumberIsOptedOut", "phoneNumber", number), "isOptedOut")
	}
	if out("+15551234567") != "true" || out("+15551234568") != "false" || !strings.Contains(s.ok("ListPhoneNumbersOptedOut"), "<member>+15551234567</member>") {
		t.Error("opting out")
	}
	s.ok("Publish", "PhoneNumber", "+15551234567", "Message", "unwanted")
	s.ok("OptInPhoneNumber", "phoneNumber", "+15551234567")
	if out("+15551234567") != "false" {
		t.Error("opting in")
	}
	s.ok("SetSMSAttributes", "attributes.entry.1.key", "DefaultSenderID", "attributes.entry.1.value", "me")
	if body := s.ok("GetSMSAttributes"); !strings.Contains(body, "<attributes><entry><key>DefaultSenderID</key><value>me</value></entry></attributes>") {
		t.Errorf("attributes %s", body)
	}
	s.ok("CreateSMSSandboxPhoneNumber", "PhoneNumber", "+15551234567")
	_, body := s.get("/_aws/sns/outbox", "127.0.0.1:1")
	_, password, _ := strings.Cut(body, "verification code is ")
	if strings.Contains(body, "unwanted") {
		t.Errorf("sent to a number that opted out: %s", body)
	}
	if code, _ := s.do("VerifySMSSandboxPhoneNumber", "PhoneNumber", "+15551234567", "OneTimePassword", "x"+password[:5]); code != 400 {
		t.Error("a wrong password verifies")
	}
	s.ok("VerifySMSSandboxPhoneNumber", "PhoneNumber", "+15551234567", "OneTimePassword", password[:6])
	if body := s.ok("ListSMSSandboxPhoneNumbers"); !strings.Contains(body, "<Status>Verified</Status>") {
		t.Errorf("sandbox %s", body)
	}
	s.ok("DeleteSMSSandboxPhoneNumber", "PhoneNumber", "+15551234567")
	s.ok("GetSMSSandboxAccountStatus")
	s.ok("ListOriginationNumbers")
	application := element(t, s.ok("CreatePlatformApplication", append([]string{"Name", "a", "Platform", "APNS"}, attributes("PlatformCredential", "secret", "PlatformPrincipal", "p")...)...), "PlatformApplicationArn")
	device := element(t, s.ok("CreatePlatformEndpoint", "PlatformApplicationArn", application, "Token", "tok", "CustomUserData", "u"), "EndpointArn")
	if code, body := s.do("CreatePlatformEndpoint", "PlatformApplicationArn", application, "Token", "tok"); code != 400 || !strings.Contains(body, "already exists with the same Token, but different attributes.") {
		t.Errorf("%d %s", code, body)
	}
	s.ok("SetEndpointAttributes", append([]string{"EndpointArn", device}, attributes("Enabled", "false")...)...)
	if code, body := s.do("Publish", "TargetArn", device, "Message", "m"); code != 400 || !strings.Contains(body, "EndpointDisabled") {
		t.Errorf("%d %s", code, body)
	}
	s.restart()
	if shown := shownIn(t, s.ok("GetEndpointAttributes", "EndpointArn", device)); shown["Enabled"] != "false" || shown["CustomUserData"] != "u" || shown["Token"] != "tok" {
		t.Errorf("device %v", shown)
	}
	if body := s.ok("ListEndpointsByPlatformApplication", "PlatformApplicationArn", application); !strings.Contains(body, device) {
		t.Errorf("devices %s", body)
	}
	s.ok("SetPlatformApplicationAttributes", append([]string{"PlatformApplicationArn", application}, attributes("Enabled", "false")...)...)
	if shown := shownIn(t, s.ok("GetPlatformApplicationAttributes", "PlatformApplicationArn", application)); shown["Enabled"] != "false" || shown["PlatformCredential"] != "" {
		t.Errorf("application %v", shown)
	}
	s.ok("DeletePlatformApplication", "PlatformApplicationArn", application)
	s.ok("DeletePlatformApplication", "PlatformApplicationArn", application)
	if code, _ := s.do("GetEndpointAttributes", "EndpointArn", device); code != 404 {
		t.Error("a device outlives its application")
	}
	if body := s.ok("ListPlatformApplications"); strings.Contains(body, "<member>") {
		t.Errorf("applications %s", body)
	}
}
