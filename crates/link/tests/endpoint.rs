//! Two endpoints on this machine.
#![allow(clippy::unwrap_used)]

use mirror_link::{Endpoint, LinkError, RECONCILE};
use mirror_protocol::{PublicKey, SigningKey, public_key};

const LIMIT: usize = 1 << 20;

fn key(byte: u8) -> PublicKey {
    public_key(&SigningKey::from_bytes(&[byte; 32]))
}

async fn listening(byte: u8) -> Endpoint {
    let endpoint = Endpoint::bind(&[byte; 32], &["127.0.0.1:0".parse().unwrap()]).await.unwrap();
    endpoint.listen();
    endpoint
}

#[tokio::test]
async fn messages_go_both_ways_and_the_last_one_arrives() {
    let mac = listening(1).await;
    let phone = Endpoint::bind(&[2; 32], &[]).await.unwrap();
    let addresses = mac.addresses();
    let answering = tokio::spawn(async move {
        let caller = mac.accept().await.unwrap().answer().await.unwrap();
        assert_eq!((caller.key(), caller.protocol()), (key(2), RECONCILE));
        let mut channel = caller.channel().await.unwrap();
        let message = channel.recv(LIMIT).await.unwrap().unwrap();
        channel.send(&message).await.unwrap();
        let last = channel.recv(LIMIT).await.unwrap();
        channel.finish().await;
        last
    });
    let mut channel = phone.connect(key(1), &addresses, RECONCILE).await.unwrap();
    channel.send(&[7; 100_000]).await.unwrap();
    assert_eq!(channel.recv(LIMIT).await.unwrap().unwrap(), [7; 100_000]);
    channel.send(b"the end").await.unwrap();
    assert_eq!(channel.bytes(), (100_004, 100_015));
    channel.finish().await;
    assert_eq!(answering.await.unwrap().unwrap(), b"the end");
}

#[tokio::test]
async fn a_stranger_is_refused_with_a_reason_before_its_content_is_read() {
    let mac = listening(3).await;
    let addresses = mac.addresses();
    tokio::spawn(async move {
        mac.accept().await.unwrap().answer().await.unwrap().refuse("not a member of this mesh");
        mac.close().await;
    });
    let stranger = Endpoint::bind(&[4; 32], &[]).await.unwrap();
    let error = match stranger.connect(key(3), &addresses, RECONCILE).await {
        Err(error) => error,
        Ok(mut channel) => {
            let _ = channel.send(b"let me in").await;
            channel.recv(LIMIT).await.unwrap_err()
        }
    };
    let LinkError::Refused { reason } = error else { panic!("{error}") };
    assert_eq!(reason, "not a member of this mesh");
}

#[tokio::test]
async fn nobody_there_is_said_with_the_address() {
    let phone = Endpoint::bind(&[5; 32], &[]).await.unwrap();
    let error = phone.connect(key(6), &["127.0.0.1:1".into()], RECONCILE).await.unwrap_err();
    assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_by_its_announcement() {
    let mac = listening(7).await;
    let phone = Endpoint::bind(&[8; 32], &[]).await.unwrap();
    let addresses = mac.addresses();
    let answering = tokio::spawn(async move {
        let mut channel =
            mac.accept().await.unwrap().answer().await.unwrap().channel().await.unwrap();
        channel.recv(1000).await
    });
    let mut channel = phone.connect(key(7), &addresses, RECONCILE).await.unwrap();
    channel.send(&[0; 1001]).await.unwrap();
    let error = answering.await.unwrap().unwrap_err();
    assert!(matches!(error, LinkError::TooLong { found: 1001, limit: 1000 }));
}
